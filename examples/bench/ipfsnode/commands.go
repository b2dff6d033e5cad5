package main

import (
	"context"
	"fmt"
	"time"

	"github.com/ipfs/boxo/blockstore"
	dshelp "github.com/ipfs/boxo/datastore/dshelp"
	"github.com/ipfs/boxo/ipld/merkledag"
	"github.com/ipfs/go-cid"
	cmds "github.com/ipfs/go-ipfs-cmds"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/routing"
)

// runs is what a command does.
type runs func(req *cmds.Request, res cmds.ResponseEmitter, n *node) error

func command(run runs, args []cmds.Argument, options ...cmds.Option) *cmds.Command {
	return &cmds.Command{Arguments: args, Options: options, Run: func(req *cmds.Request, res cmds.ResponseEmitter, env cmds.Environment) error {
		return run(req, res, env.(*node))
	}}
}

// arg is the argument that most commands have: a CID.
func arg(required bool) []cmds.Argument {
	return []cmds.Argument{cmds.StringArg("ipfs-path", required, false, "a CID")}
}

func file() []cmds.Argument {
	return []cmds.Argument{cmds.FileArg("path", true, true, "a file").EnableRecursive()}
}

func root() *cmds.Command {
	group := func(sub map[string]*cmds.Command) *cmds.Command { return &cmds.Command{Subcommands: sub} }
	return &cmds.Command{
		Options: []cmds.Option{cmds.BoolOption("offline", "take only what is here"), cmds.OptionEncodingType, cmds.OptionStreamChannels, cmds.OptionTimeout},
		Subcommands: map[string]*cmds.Command{
			"version": command(version, nil),
			"add":     addCommand(),
			"pin":     pinCommands(),
			"dag":     dagCommands(),
			"refs": command(refs, arg(true), cmds.BoolOption("recursive", "r", "all below too"),
				cmds.BoolOption("unique", "u", "each once")),
			"repo":    group(map[string]*cmds.Command{"gc": command(collect, nil)}),
			"routing": group(map[string]*cmds.Command{"findprovs": command(findProviders, arg(true), cmds.IntOption("num-providers", "n", "how many").WithDefault(20))}),
			"swarm":   group(map[string]*cmds.Command{"connect": command(connect, []cmds.Argument{cmds.StringArg("address", true, true, "where")})}),
			"test":    group(map[string]*cmds.Command{"lose": command(lose, arg(true)), "damage": command(damage, arg(true))}),
		},
	}
}

func isOffline(req *cmds.Request) bool {
	offline, _ := req.Options["offline"].(bool)
	return offline
}

func flagged(req *cmds.Request, name string) bool {
	set, _ := req.Options[name].(bool)
	return set
}

func version(_ *cmds.Request, res cmds.ResponseEmitter, _ *node) error {
	return cmds.EmitOnce(res, &struct{ Version, Commit, Repo, System, Golang string }{Version: "0.0.0-ipfsnode"})
}

func connect(req *cmds.Request, res cmds.ResponseEmitter, n *node) error {
	var out []string
	for _, at := range req.Arguments {
		to, err := peer.AddrInfoFromString(at)
		if err != nil {
			return err
		}
		if err := n.connect(req.Context, *to); err != nil {
			return fmt.Errorf("connect %s failure: %s", to.ID, err)
		}
		out = append(out, "connect "+to.ID.String()+" success")
	}
	return cmds.EmitOnce(res, &struct{ Strings []string }{out})
}

func findProviders(req *cmds.Request, res cmds.ResponseEmitter, n *node) error {
	of, err := cid.Decode(req.Arguments[0])
	if err != nil {
		return err
	}
	limit, _ := req.Options["num-providers"].(int)
	ctx, cancel := context.WithCancel(req.Context)
	ctx, events := routing.RegisterForQueryEvents(ctx)
	go func() {
		defer cancel()
		for p := range n.routing.FindProvidersAsync(ctx, of, limit) {
			found := p
			routing.PublishQueryEvent(ctx, &routing.QueryEvent{Type: routing.Provider, Responses: []*peer.AddrInfo{&found}})
		}
	}()
	for e := range events {
		if err := res.Emit(e); err != nil {
			return err
		}
	}
	return nil
}

// refs lists all blocks of content but its root.
func refs(req *cmds.Request, res cmds.ResponseEmitter, n *node) error {
	of, err := cid.Decode(req.Arguments[0])
	if err != nil {
		return err
	}
	dag := n.dag(isOffline(req))
	return merkledag.Walk(req.Context, merkledag.GetLinksWithDAG(dag), of, func(c cid.Cid) bool {
		if c.Equals(of) {
			return true
		}
		return res.Emit(&struct{ Ref, Err string }{Ref: c.String()}) == nil
	})
}

// collect drops all blocks that no pin holds.
func collect(req *cmds.Request, res cmds.ResponseEmitter, n *node) error {
	defer n.blocks.GCLock(req.Context).Unlock(req.Context)
	kept := cid.NewSet()
	for p := range n.pins.RecursiveKeys(req.Context, false) {
		if p.Err != nil {
			return p.Err
		}
		// What is lost below a pin is no reason to drop the rest.
		links := merkledag.GetLinksWithDAG(n.offline)
		err := merkledag.Walk(req.Context, links, p.Pin.Key, kept.Visit, merkledag.IgnoreMissing())
		if err != nil {
			return err
		}
	}
	hashes := map[string]bool{}
	_ = kept.ForEach(func(c cid.Cid) error { hashes[string(c.Hash())] = true; return nil })
	all, err := n.blocks.AllKeysChan(req.Context)
	if err != nil {
		return err
	}
	for c := range all {
		if hashes[string(c.Hash())] {
			continue
		}
		if err := n.blocks.DeleteBlock(req.Context, c); err != nil {
			return err
		}
		if err := res.Emit(&struct{ Key cid.Cid }{c}); err != nil {
			return err
		}
	}
	return nil
}

// lose drops one block from the store, as a broken disk does.
func lose(req *cmds.Request, res cmds.ResponseEmitter, n *node) error {
	of, err := cid.Decode(req.Arguments[0])
	if err != nil {
		return err
	}
	if err := n.blocks.DeleteBlock(req.Context, of); err != nil {
		return err
	}
	return cmds.EmitOnce(res, &struct{ At time.Time }{time.Now()})
}

// damage turns the last bit of a block in the store.
func damage(req *cmds.Request, res cmds.ResponseEmitter, n *node) error {
	of, err := cid.Decode(req.Arguments[0])
	if err != nil {
		return err
	}
	b, err := n.blocks.Get(req.Context, of)
	if err != nil {
		return err
	}
	data := append([]byte(nil), b.RawData()...)
	data[len(data)-1] ^= 1
	key := blockstore.BlockPrefix.Child(dshelp.MultihashToDsKey(of.Hash()))
	if err := n.store.Put(req.Context, key, data); err != nil {
		return err
	}
	return cmds.EmitOnce(res, &struct{ At time.Time }{time.Now()})
}
