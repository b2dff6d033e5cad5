package stdlib

import "github.com/q-ecosystem/runbook/interpreter/effect"

// IPFS declares the care of content on IPFS nodes. Content is named by its
// hash (CID), so that all writes may safely be said twice.
func IPFS() effect.Module {
	cid := need("cid", "the content")
	node := text("node", "which node of the configuration; the configured one if left out")
	read := func(name, doc string, args []effect.Field, returns ...effect.Field) effect.Op {
		return effect.Op{Module: "ipfs", Name: name, Doc: doc, Class: effect.Read, Args: append(args, node), Returns: returns}
	}
	write := func(name, doc string, args []effect.Field, returns ...effect.Field) effect.Op {
		op := read(name, doc, args, returns...)
		op.Class, op.Recovery = effect.Write, effect.Retry
		return op
	}
	args := func(list ...effect.Field) []effect.Field { return list }
	size, blocks := field("size", effect.Size, "bytes of content"), field("blocks", effect.Int, "how many blocks it has")
	pin := effect.Field{Name: "pin", Type: effect.Bool, Default: true, Doc: "whether to pin it"}
	return effect.Module{Name: "ipfs", Doc: "Keep, verify and restore content on IPFS.", Ops: []effect.Op{
		read("pins", "List what a node has pinned", args(text("cid", "only this content"),
			choice("type", "which kind of pin", true, "recursive", "direct", "indirect", "all"), within("1m")),
			objects("pins", "one entry a pin, in the order of their names", text("cid", "the content"), text("type", "the kind of pin"), text("name", "what it was called")),
			field("count", effect.Int, "how many")),
		read("providers", "Ask the network who has content", args(cid,
			effect.Field{Name: "limit", Type: effect.Int, Default: 20.0, Min: effect.Bound(1), Doc: "how many to find at most"}, within("1m")),
			objects("providers", "who was found", text("id", "the peer"), texts("addrs", "its addresses")),
			field("count", effect.Int, "how many")),
		read("validate", "Read all blocks of content and verify their hashes; an error if one is missing or damaged", args(cid, within("10m")),
			field("valid", effect.Bool, "true"), blocks, size),
		write("add", "Add a file or directory to a node", args(need("path", "where it is"), pin,
			text("cid", "what it has to come out as; another result is an error"), within("10m")),
			text("cid", "the content"), size),
		write("pin", "Let a node fetch content and keep it", args(cid, text("name", "what to call the pin"),
			texts("from", "addresses of nodes to fetch it from, tried before the network is asked"), within("10m")),
			text("cid", "the content"), text("type", "the kind of pin")),
		write("unpin", "Let a node drop content; what is not pinned is no error", args(cid),
			text("cid", "the content"), field("was_pinned", effect.Bool, "whether it was")),
		read("export", "Write content into a CAR file of the runner", args(cid, need("path", "the file to write"), within("1h")),
			text("path", "the file"), blocks, field("size", effect.Size, "of the file"), text("sha256", "of the file")),
		write("import", "Bring the content of a CAR file to a node", args(need("path", "the file"), pin, within("1h")),
			texts("roots", "the content in it"), blocks),
	}, Composites: []effect.Composite{ipfsRestore()}}
}
