package history

import (
	"encoding/json"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// Stand is a write that nothing has followed: what it set stands, as far as the
// run knows.
type Stand struct {
	*Effect
	Module string
	// Subject singles out what the write is about, where its module declares a
	// desired state: { pool = "api" }.
	Subject map[string]any
}

// Stands returns the last write of each module, or of each subject of a module
// with a desired state; beside one that failed, the last that did not. Writes
// without an outcome are all in it. They are in the order in which they began.
func (h *History) Stands(catalog *effect.Catalog) []Stand {
	var list []Stand
	seen := map[string]bool{} // what a later write that worked is about
	told := map[string]bool{} // what a later write that failed is about
	for i := len(h.Effects) - 1; i >= 0; i-- {
		e := h.Effects[i]
		op, known := catalog.Op(e.Op)
		if !e.Class.Writes() || e.Carried() || !known {
			continue
		}
		s := Stand{Effect: e, Module: op.Module}
		about := op.Module
		if m, _ := catalog.Module(op.Module); m.Desired != nil {
			if args, err := effect.Decode(e.Args); err == nil {
				values, _ := args.(map[string]any)
				s.Subject = m.Desired.Subject(values)
			}
			if text, err := json.Marshal(s.Subject); err == nil { // with its keys in order
				about += string(text)
			}
		}
		switch {
		case e.State != Closed:
		case seen[about]:
			continue
		case e.Err != nil:
			if told[about] {
				continue
			}
			told[about] = true
		default:
			seen[about] = true
		}
		list = append(list, s)
	}
	for i, j := 0, len(list)-1; i < j; i, j = i+1, j-1 {
		list[i], list[j] = list[j], list[i]
	}
	return list
}
