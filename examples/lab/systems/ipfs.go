package systems

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/q-ecosystem/runbook/plugins/kubo/kubotest"
)

// ipfsProgram is what `make ipfsnode` builds beside runbook: Kubo's own parts,
// which are too many for runbook itself.
const ipfsProgram = "ipfsnode"

// IPFS is two nodes that keep everything in memory, main and backup.
type IPFS struct {
	running []*kubotest.Node
}

// ipfsPath finds the node's program beside this one, or in PATH.
func ipfsPath() string {
	if self, err := os.Executable(); err == nil {
		if path := filepath.Join(filepath.Dir(self), ipfsProgram); program(path) != "" {
			return path
		}
	}
	return program(ipfsProgram)
}

// Missing implements System.
func (i *IPFS) Missing() *Missing {
	if ipfsPath() == "" {
		return &Missing{ipfsProgram + " is not built", "make ipfsnode"}
	}
	return nil
}

// Start implements System.
func (i *IPFS) Start(context.Context) error {
	for range ipfsNodes() {
		n, err := kubotest.Start(ipfsPath(), "")
		if err != nil {
			return fmt.Errorf("start an IPFS node: %w", err)
		}
		i.running = append(i.running, n)
	}
	return nil
}

func ipfsNodes() []string { return []string{"main", "backup"} }

// Describe implements System.
func (i *IPFS) Describe() Description {
	named, d := map[string]any{}, Description{}
	for n, name := range ipfsNodes() {
		named[name] = map[string]any{"api": i.running[n].API}
		d.Lines = append(d.Lines, Line{Name: "ipfs-" + name, Where: i.running[n].API, Note: "an IPFS node, Kubo's RPC API", Also: i.running[n].Peer})
	}
	d.Entries = []Entry{{Module: "ipfs", Backend: "kubo", Settings: map[string]any{"node": "main", "nodes": named}}}
	return d
}

// Stop implements System.
func (i *IPFS) Stop() {
	for _, n := range i.running {
		n.Stop()
	}
}
