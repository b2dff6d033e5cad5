package main

import (
	"errors"
	"io"
	gopath "path"
	"strconv"

	"github.com/ipfs/boxo/chunker"
	"github.com/ipfs/boxo/files"
	"github.com/ipfs/boxo/ipld/merkledag"
	"github.com/ipfs/boxo/ipld/unixfs"
	"github.com/ipfs/boxo/ipld/unixfs/importer/balanced"
	"github.com/ipfs/boxo/ipld/unixfs/importer/helpers"
	unixfsio "github.com/ipfs/boxo/ipld/unixfs/io"
	pin "github.com/ipfs/boxo/pinning/pinner"
	"github.com/ipfs/go-cid"
	cmds "github.com/ipfs/go-ipfs-cmds"
	ipld "github.com/ipfs/go-ipld-format"
)

func addCommand() *cmds.Command {
	text := func(name string) cmds.Option { return cmds.StringOption(name, "as Kubo has it") }
	yes := func(name string) cmds.Option { return cmds.BoolOption(name, "as Kubo has it") }
	number := func(name string) cmds.Option { return cmds.IntOption(name, "as Kubo has it") }
	return command(add, file(), number("cid-version"), yes("raw-leaves"), text("hash"), text("chunker"), yes("trickle"),
		number("max-file-links"), number("max-hamt-fanout"), yes("inline"), yes("nocopy"), yes("wrap-with-directory"), yes("pin"), yes("progress"))
}

type added struct {
	Name  string
	Hash  string `json:",omitempty"`
	Bytes int64  `json:",omitempty"`
	Size  string `json:",omitempty"`
}

// adder adds one file or directory.
type adder struct {
	*node
	req *cmds.Request
	res cmds.ResponseEmitter
}

func add(req *cmds.Request, res cmds.ResponseEmitter, n *node) error {
	if v, _ := req.Options["cid-version"].(int); v != 1 || !flagged(req, "raw-leaves") || req.Options["hash"] != "sha2-256" ||
		flagged(req, "trickle") || flagged(req, "inline") || flagged(req, "nocopy") || flagged(req, "wrap-with-directory") {
		return errors.New("this node adds only in the one way that the backend asks for")
	}
	a := adder{n, req, res}
	it := req.Files.Entries()
	for it.Next() {
		root, err := a.any(it.Name(), it.Node())
		if err != nil {
			return err
		}
		if flagged(req, "pin") {
			if err := n.pins.PinWithMode(req.Context, root.Cid(), pin.Recursive, ""); err != nil {
				return err
			}
		}
		n.provide(req.Context, root.Cid())
	}
	return it.Err()
}

// any adds what is there under a name, and tells it.
func (a adder) any(name string, of files.Node) (nd ipld.Node, err error) {
	switch of := of.(type) {
	case *files.Symlink:
		data, err := unixfs.SymlinkData(of.Target)
		if err != nil {
			return nil, err
		}
		link := merkledag.NodeWithData(data)
		if err := link.SetCidBuilder(merkledag.V1CidPrefix()); err != nil {
			return nil, err
		}
		nd = link
		if err := a.offline.Add(a.req.Context, nd); err != nil {
			return nil, err
		}
	case files.File:
		nd, err = a.file(name, of)
	case files.Directory:
		nd, err = a.directory(name, of)
	default:
		err = errors.New("unrecognized file type")
	}
	if err != nil {
		return nil, err
	}
	size, err := nd.Size()
	if err != nil {
		return nil, err
	}
	return nd, a.res.Emit(&added{Name: name, Hash: nd.Cid().String(), Size: strconv.FormatUint(size, 10)})
}

func (a adder) file(name string, r io.Reader) (ipld.Node, error) {
	cut, _ := a.req.Options["chunker"].(string)
	splitter, err := chunk.FromString(&counted{r: r, tell: func(n int64) error {
		if !flagged(a.req, "progress") {
			return nil
		}
		return a.res.Emit(&added{Name: name, Bytes: n})
	}}, cut)
	if err != nil {
		return nil, err
	}
	links, _ := a.req.Options["max-file-links"].(int)
	params := helpers.DagBuilderParams{Dagserv: a.offline, RawLeaves: true, Maxlinks: links, CidBuilder: merkledag.V1CidPrefix()}
	builder, err := params.New(splitter)
	if err != nil {
		return nil, err
	}
	return balanced.Layout(builder)
}

func (a adder) directory(name string, of files.Directory) (ipld.Node, error) {
	var builder cid.Builder = merkledag.V1CidPrefix()
	fanout, _ := a.req.Options["max-hamt-fanout"].(int)
	dir, err := unixfsio.NewDirectory(a.offline, unixfsio.WithCidBuilder(builder), unixfsio.WithMaxHAMTFanout(fanout))
	if err != nil {
		return nil, err
	}
	it := of.Entries()
	for it.Next() {
		child, err := a.any(gopath.Join(name, it.Name()), it.Node())
		if err != nil {
			return nil, err
		}
		if err := dir.AddChild(a.req.Context, it.Name(), child); err != nil {
			return nil, err
		}
	}
	if it.Err() != nil {
		return nil, it.Err()
	}
	nd, err := dir.GetNode()
	if err != nil {
		return nil, err
	}
	return nd, a.offline.Add(a.req.Context, nd)
}

// counted tells how much was read, each quarter of a MiB.
type counted struct {
	r       io.Reader
	n, told int64
	tell    func(int64) error
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	if c.n-c.told >= 256<<10 || err == io.EOF {
		c.told = c.n
		if failed := c.tell(c.n); failed != nil {
			return n, failed
		}
	}
	return n, err
}
