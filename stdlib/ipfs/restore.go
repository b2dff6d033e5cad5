package ipfs

import (
	"context"
	"fmt"
	"strings"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/stdlib/internal/composite"
	"github.com/q-ecosystem/runbook/stdlib/internal/field"
	"github.com/q-ecosystem/runbook/stdlib/internal/plain"
)

// restore is ipfs.restore: content after content is fetched from backup
// nodes or archives and verified. One that cannot be restored does not keep
// the others from being tried.
func restore() effect.Composite {
	return effect.Composite{Uses: []string{"ipfs.import", "ipfs.pin", "ipfs.pins", "ipfs.providers", "ipfs.validate"}, Op: effect.Op{
		Module: "ipfs", Name: "restore", Class: effect.Write, Recovery: effect.Retry,
		Doc: "Bring content back to a node from backup nodes or archives, and verify it; an error at the end if something is missing",
		Args: []effect.Field{field.NeedTexts("cids", "the content"),
			field.Texts("from", "addresses of backup nodes"),
			field.Text("archive", "a directory of CAR files of the runner, CID.car each; tried where nodes do not help"),
			field.Text("node", "which node of the configuration; the configured one if left out"),
			{Name: "providers", Type: effect.Int, Default: 0.0, Min: effect.Bound(0), Doc: "how many nodes have to offer each content in the end"},
			{Name: "each", Type: effect.Duration, Default: "10m", Doc: "how long each fetch and each verification may take"}},
		Returns: []effect.Field{field.Texts("restored", "what was fetched"), field.Texts("present", "what was there, whole and pinned"),
			field.Of("blocks", effect.Int, "how many blocks were verified"), field.Of("size", effect.Size, "bytes of content that were verified")},
	}, Run: runRestore}
}

func runRestore(ctx context.Context, p effect.Performer, args map[string]any) (any, error) {
	r := restoring{Doer: composite.For(ctx, p), args: args}
	restored, present := []any{}, []any{}
	blocks, size := 0.0, 0.0
	var failed []string
	cids := plain.List(args["cids"])
	for _, cid := range cids {
		whole, fetched, err := r.one(cid)
		if err != nil && composite.Final(err) {
			return nil, err
		}
		if err != nil {
			failed = append(failed, fmt.Sprintf("%s: %s", cid, effect.AsError(err).Message))
			continue
		}
		if fetched {
			restored = append(restored, cid)
		} else {
			present = append(present, cid)
		}
		n, _ := whole["blocks"].(float64)
		s, _ := whole["size"].(float64)
		blocks, size = blocks+n, size+s
	}
	if len(failed) > 0 {
		return nil, effect.Errorf(effect.CodeFailed, "%d of %d could not be restored: %s", len(failed), len(cids), strings.Join(failed, "; ")).
			WithHint("name further backup nodes in `from`, or a directory of CAR files in `archive`, and run it again: what is there is not fetched twice")
	}
	return map[string]any{"restored": restored, "present": present, "blocks": blocks, "size": size}, nil
}

// restoring is one ipfs.restore.
type restoring struct {
	composite.Doer
	args map[string]any
}

// with returns the arguments of an op on the node, with further pairs.
func (r restoring) with(pairs ...any) map[string]any {
	out := plain.Pick(r.args, "node")
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != nil {
			out[pairs[i].(string)] = pairs[i+1]
		}
	}
	return out
}

// one restores one content; whole is what validate said of it.
func (r restoring) one(cid string) (whole map[string]any, fetched bool, err error) {
	pins, err := r.Table("ipfs.pins", r.with("cid", cid, "type", "recursive"))
	if err != nil {
		return nil, false, err
	}
	if n, _ := pins["count"].(float64); n > 0 {
		if whole, err = r.Table("ipfs.validate", r.with("cid", cid, "timeout", r.args["each"])); err == nil {
			return whole, false, r.offered(cid)
		}
		if composite.Final(err) {
			return nil, false, err
		}
	}
	if err := r.fetch(cid); err != nil {
		return nil, false, err
	}
	if whole, err = r.Table("ipfs.validate", r.with("cid", cid, "timeout", r.args["each"])); err != nil {
		return nil, false, err
	}
	return whole, true, r.offered(cid)
}

// fetch pins the content, or imports it where no node gives it away.
func (r restoring) fetch(cid string) error {
	_, err := r.Table("ipfs.pin", r.with("cid", cid, "from", r.args["from"], "timeout", r.args["each"]))
	archive, given := r.args["archive"].(string)
	if err == nil || composite.Final(err) || !given {
		return err
	}
	path := strings.TrimSuffix(archive, "/") + "/" + cid + ".car"
	if _, imported := r.Table("ipfs.import", r.with("path", path)); imported != nil {
		if composite.Final(imported) {
			return imported
		}
		return effect.Errorf(effect.CodeFailed, "no node gave it (%s), and %s did not help (%s)",
			effect.AsError(err).Message, path, effect.AsError(imported).Message)
	}
	return nil
}

// offered wants enough nodes to offer the content.
func (r restoring) offered(cid string) error {
	want, _ := r.args["providers"].(float64)
	if want == 0 {
		return nil
	}
	t, err := r.Table("ipfs.providers", r.with("cid", cid, "limit", want))
	if err != nil {
		return err
	}
	if got, _ := t["count"].(float64); got < want {
		return effect.Errorf(effect.CodeUnhealthy, "%v of %v nodes offer it", got, want)
	}
	return nil
}
