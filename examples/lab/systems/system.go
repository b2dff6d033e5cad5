package systems

import (
	"context"
	"fmt"
	"slices"
)

// System is one system that runbooks act on.
type System interface {
	// Missing says what keeps it from running on this machine; nil if nothing does.
	Missing() *Missing
	// Start starts it, and returns once it is ready. What it started by then is
	// for Stop also if it fails.
	Start(ctx context.Context) error
	// Describe says where it is, once it has started.
	Describe() Description
	// Stop ends it; nothing of it runs when it returns. It may be called again.
	Stop()
}

// Breakable is a system of nodes that can be killed and started again.
type Breakable interface {
	System
	// Nodes returns their names.
	Nodes() []string
	// Kill ends a node as a crash does; one that is down stays so.
	Kill(node string) error
	// Halt ends a node in an orderly way; one that is down stays so.
	Halt(ctx context.Context, node string) error
	// Revive starts a node that is down, and returns once it is ready.
	Revive(ctx context.Context, node string) error
	// Alive reports whether a node runs.
	Alive(node string) bool
}

// Missing is a system that this machine cannot run.
type Missing struct {
	What string // "named is not installed"
	Hint string // "apt-get install bind9"
}

// String says both.
func (m *Missing) String() string { return m.What + ": " + m.Hint }

// Description says where a system is.
type Description struct {
	Lines   []Line            // for people
	Entries []Entry           // of a configuration
	Secrets map[string]string // that the entries refer to, by the path that follows "file:"
}

// Line is one address of a system.
type Line struct {
	Name  string `json:"name"`  // "db-a"
	Where string `json:"where"` // "127.0.0.1:5432"
	Note  string `json:"note,omitempty"`
	Also  string `json:"also,omitempty"` // another way there, too long for a line
}

// Entry is what leads to a system: a backend of a module.
type Entry struct {
	Module, Backend string
	Settings        map[string]any
	// Environment holds the entry; the default one if it is empty. Others extend
	// the default one.
	Environment string
}

// noNode is the error for a name that is none of a system's nodes.
func noNode(s Breakable, node string) error {
	if slices.Contains(s.Nodes(), node) {
		return nil
	}
	return fmt.Errorf("there is no node %q: there are %v", node, s.Nodes())
}
