package ipfs

import (
	"fmt"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/stdlib/internal/plain"
)

// invariants returns what has to hold of all content.
func invariants() []effect.Invariant {
	return []effect.Invariant{{Name: "the last copy of content is kept", After: lastCopy}}
}

// lastCopy finds content that a node dropped and nobody is known to have then.
func lastCopy(v *effect.View, e effect.Occurrence) string {
	value, _ := e.Value.(map[string]any)
	if e.Module != "ipfs" || e.Name != "unpin" || e.Err != nil || value["was_pinned"] != true {
		return ""
	}
	cid := plain.Str(e.Args, "cid")
	providers := plain.Table(v.State("ipfs"), "providers")
	if who, known := providers[cid]; known && len(plain.List(who)) == 0 {
		return fmt.Sprintf("%s dropped %s, and nobody else has it: pin it elsewhere and ask ipfs.providers first", e, cid)
	}
	return ""
}
