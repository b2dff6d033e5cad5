package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/ipfs/boxo/files"
	"github.com/ipfs/go-cid"
	cmds "github.com/ipfs/go-ipfs-cmds"
	ipld "github.com/ipfs/go-ipld-format"
	ipldlegacy "github.com/ipfs/go-ipld-legacy"
	"github.com/ipld/go-car/v2"
	_ "github.com/ipld/go-codec-dagpb"
	_ "github.com/ipld/go-ipld-prime/codec/dagcbor"
	_ "github.com/ipld/go-ipld-prime/codec/raw"
	cidlink "github.com/ipld/go-ipld-prime/linking/cid"
	selectorparse "github.com/ipld/go-ipld-prime/traversal/selector/parse"
)

func dagCommands() *cmds.Command {
	return &cmds.Command{Subcommands: map[string]*cmds.Command{
		"export": command(export, arg(true), cmds.BoolOption("progress", "p", "show how far it is")),
		"import": command(bring, file(), cmds.BoolOption("pin-roots", "pin what is in the header").WithDefault(true),
			cmds.BoolOption("stats", "tell how much it was")),
	}}
}

// export streams content as a CAR.
func export(req *cmds.Request, res cmds.ResponseEmitter, n *node) error {
	of, err := cid.Decode(req.Arguments[0])
	if err != nil {
		return err
	}
	dag := n.dag(isOffline(req))
	if _, err := dag.Get(req.Context, of); err != nil {
		if isOffline(req) {
			return fmt.Errorf("block was not found locally (offline): %w", err)
		}
		return err
	}
	r, w := io.Pipe()
	done := make(chan error, 1)
	go func() {
		links := cidlink.DefaultLinkSystem()
		links.SetReadStorage(&reader{req.Context, dag})
		_, err := car.TraverseV1(req.Context, &links, of, selectorparse.CommonSelector_ExploreAllRecursively, w, car.AllowDuplicatePuts(false))
		_ = w.Close()
		done <- err
	}()
	res.SetEncodingType(cmds.OctetStream)
	if err := res.Emit(r); err != nil {
		_ = r.Close()
		return err
	}
	return <-done
}

// reader reads blocks for a traversal.
type reader struct {
	ctx context.Context
	dag ipld.DAGService
}

func (r *reader) Get(_ context.Context, key string) ([]byte, error) {
	_, c, err := cid.CidFromBytes([]byte(key))
	if err != nil {
		return nil, err
	}
	nd, err := r.dag.Get(r.ctx, c)
	if err != nil {
		return nil, err
	}
	return nd.RawData(), nil
}

func (r *reader) Has(ctx context.Context, key string) (bool, error) {
	_, err := r.Get(ctx, key)
	if errors.Is(err, ipld.ErrNotFound{}) {
		return false, nil
	}
	return err == nil, err
}

type importedRoot struct {
	Cid         cid.Cid
	PinErrorMsg string
}

type imported struct {
	Root  *importedRoot `json:",omitempty"`
	Stats *importStats  `json:",omitempty"`
}

type importStats struct{ BlockCount, BlockBytesCount uint64 }

// bring imports CAR files.
func bring(req *cmds.Request, res cmds.ResponseEmitter, n *node) error {
	if flagged(req, "pin-roots") {
		defer n.blocks.PinLock(req.Context).Unlock(req.Context)
	}
	roots, stats, decoder := cid.NewSet(), importStats{}, ipldlegacy.NewDecoder()
	it := req.Files.Entries()
	for it.Next() {
		f := files.FileFromEntry(it)
		if f == nil {
			return errors.New("expected a file handle")
		}
		blocks, err := car.NewBlockReader(struct{ io.Reader }{f})
		if err != nil {
			return err
		}
		for _, c := range blocks.Roots {
			roots.Add(c)
		}
		for {
			b, err := blocks.Next()
			if err == io.EOF {
				break
			}
			if err != nil {
				return fmt.Errorf("import failed: %w", err)
			}
			nd, err := decoder.DecodeNode(req.Context, b)
			if err != nil {
				return fmt.Errorf("import failed at block %q: %w", b.Cid(), err)
			}
			if err := n.offline.Add(req.Context, nd); err != nil {
				return err
			}
			stats.BlockCount++
			stats.BlockBytesCount += uint64(len(b.RawData()))
		}
	}
	if it.Err() != nil {
		return it.Err()
	}
	err := roots.ForEach(func(c cid.Cid) error {
		defer n.provide(req.Context, c)
		if !flagged(req, "pin-roots") {
			return nil
		}
		told := &importedRoot{Cid: c}
		if nd, err := n.offline.Get(req.Context, c); err != nil {
			told.PinErrorMsg = err.Error()
		} else if err := n.pins.Pin(req.Context, nd, true, ""); err != nil {
			told.PinErrorMsg = err.Error()
		}
		return res.Emit(&imported{Root: told})
	})
	if err == nil && flagged(req, "stats") {
		err = res.Emit(&imported{Stats: &stats})
	}
	return err
}
