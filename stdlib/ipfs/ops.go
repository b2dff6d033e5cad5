package ipfs

import (
	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/stdlib/internal/field"
)

// Module returns what there is under the name ipfs.
func Module() effect.Module {
	cid := field.Need("cid", "the content")
	node := field.Text("node", "which node of the configuration; the configured one if left out")
	read := func(name, doc string, args []effect.Field, returns ...effect.Field) effect.Op {
		return effect.Op{Module: "ipfs", Name: name, Doc: doc, Class: effect.Read, Args: append(args, node), Returns: returns}
	}
	judge := func(op effect.Op) effect.Op {
		op.Judges = true
		return op
	}
	write := func(name, doc string, args []effect.Field, returns ...effect.Field) effect.Op {
		op := read(name, doc, args, returns...)
		op.Class, op.Recovery = effect.Write, effect.Retry
		return op
	}
	args := func(list ...effect.Field) []effect.Field { return list }
	size, blocks := field.Of("size", effect.Size, "bytes of content"), field.Of("blocks", effect.Int, "how many blocks it has")
	pin := effect.Field{Name: "pin", Type: effect.Bool, Default: true, Doc: "whether to pin it"}
	return effect.Module{Name: "ipfs", Doc: "Keep, verify and restore content on IPFS.",
		Model: func() effect.Model { return NewModel() }, Scenario: scenario(), Invariants: invariants(),
		Ops: []effect.Op{
			read("pins", "List what a node has pinned", args(field.Text("cid", "only this content"),
				field.Choice("type", "which kind of pin", true, "recursive", "direct", "indirect", "all"), field.Timeout("1m")),
				field.Objects("pins", "one entry a pin, in the order of their names", field.Text("cid", "the content"), field.Text("type", "the kind of pin"), field.Text("name", "what it was called")),
				field.Of("count", effect.Int, "how many")),
			read("providers", "Ask the network who has content", args(cid,
				effect.Field{Name: "limit", Type: effect.Int, Default: 20.0, Min: effect.Bound(1), Doc: "how many to find at most"}, field.Timeout("1m")),
				field.Objects("providers", "who was found", field.Text("id", "the peer"), field.Texts("addrs", "its addresses")),
				field.Of("count", effect.Int, "how many")),
			judge(read("validate", "Read all blocks of content that a node holds and verify their hashes; an error if one is missing or damaged", args(cid, field.Timeout("10m")),
				field.Of("valid", effect.Bool, "true"), blocks, size)),
			write("add", "Add a file or directory to a node", args(field.Need("path", "where it is"), pin,
				field.Text("cid", "what it has to come out as; another result is an error"), field.Timeout("10m")),
				field.Text("cid", "the content"), size),
			write("pin", "Let a node fetch content and keep it", args(cid, field.Text("name", "what to call the pin"),
				field.Texts("from", "addresses of nodes to fetch it from, tried before the network is asked"), field.Timeout("10m")),
				field.Text("cid", "the content"), field.Text("type", "the kind of pin")),
			write("unpin", "Let a node drop content when it next collects garbage; what is not pinned is no error", args(cid),
				field.Text("cid", "the content"), field.Of("was_pinned", effect.Bool, "whether it was")),
			read("export", "Write content that a node holds into a CAR file of the runner", args(cid, field.Need("path", "the file to write"), field.Timeout("1h")),
				field.Text("path", "the file"), blocks, field.Of("size", effect.Size, "of the file"), field.Text("sha256", "of the file")),
			write("import", "Bring the content of a CAR file to a node", args(field.Need("path", "the file"), pin, field.Timeout("1h")),
				field.Texts("roots", "the content in it"), blocks),
		}, Composites: []effect.Composite{restore()}}
}
