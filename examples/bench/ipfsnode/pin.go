package main

import (
	"fmt"
	"time"

	"github.com/ipfs/boxo/ipld/merkledag"
	pin "github.com/ipfs/boxo/pinning/pinner"
	"github.com/ipfs/go-cid"
	cmds "github.com/ipfs/go-ipfs-cmds"
)

func pinCommands() *cmds.Command {
	return &cmds.Command{Subcommands: map[string]*cmds.Command{
		"add": command(pinAdd, arg(true), cmds.BoolOption("recursive", "r", "all below too").WithDefault(true),
			cmds.StringOption("name", "n", "what to call it"), cmds.BoolOption("progress", "show how far it is")),
		"rm": command(pinRemove, arg(true), cmds.BoolOption("recursive", "r", "all below too").WithDefault(true)),
		"ls": command(pinList, arg(false), cmds.StringOption("type", "t", "which kind").WithDefault("all"),
			cmds.BoolOption("names", "tell names"), cmds.BoolOption("stream", "s", "one after another")),
	}}
}

type pinProgress struct {
	Pins     []string `json:",omitempty"`
	Progress int      `json:",omitempty"`
	Bytes    uint64   `json:",omitempty"`
}

func pinAdd(req *cmds.Request, res cmds.ResponseEmitter, n *node) error {
	of, err := cid.Decode(req.Arguments[0])
	if err != nil {
		return err
	}
	name, _ := req.Options["name"].(string)
	tracker := new(merkledag.ProgressTracker)
	ctx := tracker.DeriveContext(req.Context)
	done := make(chan error, 1)
	go func() {
		done <- func() error {
			nd, err := n.dag(isOffline(req)).Get(ctx, of)
			if err != nil {
				return fmt.Errorf("pin: %s", err)
			}
			defer n.blocks.PinLock(ctx).Unlock(ctx)
			if err := n.pins.Pin(ctx, nd, flagged(req, "recursive"), name); err != nil {
				return fmt.Errorf("pin: %s", err)
			}
			return n.pins.Flush(ctx)
		}()
	}()
	ticks := time.NewTicker(500 * time.Millisecond)
	defer ticks.Stop()
	for {
		select {
		case err := <-done:
			if err != nil {
				return err
			}
			n.provide(req.Context, of)
			if flagged(req, "progress") {
				if at := tracker.ProgressStat(); at.Nodes != 0 {
					if err := res.Emit(&pinProgress{Progress: at.Nodes, Bytes: at.Bytes}); err != nil {
						return err
					}
				}
			}
			return res.Emit(&pinProgress{Pins: []string{of.String()}})
		case <-ticks.C:
			if !flagged(req, "progress") {
				continue
			}
			at := tracker.ProgressStat()
			if err := res.Emit(&pinProgress{Progress: at.Nodes, Bytes: at.Bytes}); err != nil {
				return err
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func pinRemove(req *cmds.Request, res cmds.ResponseEmitter, n *node) error {
	of, err := cid.Decode(req.Arguments[0])
	if err != nil {
		return err
	}
	defer n.blocks.PinLock(req.Context).Unlock(req.Context)
	if err := n.pins.Unpin(req.Context, of, flagged(req, "recursive")); err != nil {
		return err
	}
	if err := n.pins.Flush(req.Context); err != nil {
		return err
	}
	return cmds.EmitOnce(res, &pinProgress{Pins: []string{of.String()}})
}

type pinned struct {
	Cid  string `json:",omitempty"`
	Name string `json:",omitempty"`
	Type string `json:",omitempty"`
}

// pinList streams pins; the list as one value is not told.
func pinList(req *cmds.Request, res cmds.ResponseEmitter, n *node) error {
	kind, _ := req.Options["type"].(string)
	mode, ok := pin.StringToMode(kind)
	if !ok {
		return fmt.Errorf("invalid type '%s', must be one of {direct, indirect, recursive, all}", kind)
	}
	if len(req.Arguments) > 0 {
		of, err := cid.Decode(req.Arguments[0])
		if err != nil {
			return err
		}
		found, err := n.pins.CheckIfPinnedWithType(req.Context, mode, flagged(req, "names"), of)
		if err != nil {
			return err
		}
		for _, p := range found {
			if !p.Pinned() {
				return fmt.Errorf("path '%s' is not pinned", req.Arguments[0])
			}
			told, _ := pin.ModeToString(p.Mode)
			if p.Mode == pin.Indirect && p.Via.Defined() {
				told = "indirect through " + p.Via.String()
			}
			if err := res.Emit(&pinned{of.String(), p.Name, told}); err != nil {
				return err
			}
		}
		return nil
	}
	told := cid.NewSet()
	emit := func(list <-chan pin.StreamedPin, kind string) error {
		for p := range list {
			if p.Err != nil {
				return p.Err
			}
			if !told.Visit(p.Pin.Key) {
				continue
			}
			if err := res.Emit(&pinned{p.Pin.Key.String(), p.Pin.Name, kind}); err != nil {
				return err
			}
		}
		return nil
	}
	names := flagged(req, "names")
	if mode == pin.Recursive || mode == pin.Any {
		if err := emit(n.pins.RecursiveKeys(req.Context, names), "recursive"); err != nil {
			return err
		}
	}
	if mode == pin.Direct || mode == pin.Any {
		if err := emit(n.pins.DirectKeys(req.Context, names), "direct"); err != nil {
			return err
		}
	}
	if mode != pin.Indirect && mode != pin.Any {
		return nil
	}
	for p := range n.pins.RecursiveKeys(req.Context, false) {
		if p.Err != nil {
			return p.Err
		}
		err := merkledag.Walk(req.Context, merkledag.GetLinksWithDAG(n.offline), p.Pin.Key, func(c cid.Cid) bool {
			return c.Equals(p.Pin.Key) || told.Visit(c) && res.Emit(&pinned{Cid: c.String(), Type: "indirect"}) == nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}
