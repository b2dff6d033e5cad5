package script

import (
	"fmt"

	lua "github.com/yuin/gopher-lua"
)

// What one script may ask for. A bound that stands here is met by an error, or
// a stop, that names the line; the meter watches what remains.
const (
	maxString    = 16 << 20 // of a text that a function makes, in bytes
	maxLeaving   = 4 << 20  // of all texts in one effect's arguments, in bytes
	maxValues    = 100_000  // in one effect's arguments
	maxSent      = 32 << 20 // of all effects' arguments, steps and log lines in one execution, in bytes
	maxName      = 4 << 10  // of a name, in bytes
	maxLog       = 1 << 20  // of one line of the log, in bytes
	maxShown     = 16 << 10 // of an error's text where it is recorded, in bytes
	maxRollbacks = 5_000
	maxBranches  = 500   // of one parallel{}
	maxAlive     = 1_000 // branches of an execution that have not ended
	maxUnpack    = 8_000 // results of unpack
	maxNesting   = 150   // protected calls and coroutines inside each other: each takes a part of the goroutine's stack
)

// claimFrom is the size in bytes from which on an allocation asks the meter.
const claimFrom = 64 << 10

// bounded raises an error if a text would become too long, and stops the
// script if there is no memory for it.
func (b *branch) bounded(L *lua.LState, function string, size int) {
	if size > maxString {
		b.fail(L, "", "%s: the text would be longer than %d MiB", function, maxString>>20)
	}
	b.claim(L, size)
}

// claim makes sure of memory before it is allocated.
func (b *branch) claim(L *lua.LState, size int) {
	if size < claimFrom {
		return
	}
	if m := b.execution.meter; m.grown(uint64(size)) {
		m.outgrown()
	}
	b.check(L)
}

// weight is about what a value takes where it is recorded, in bytes.
func weight(v any) int {
	const perValue = 8
	n := perValue
	switch v := v.(type) {
	case string:
		n += len(v)
	case []any:
		for _, e := range v {
			n += weight(e)
		}
	case map[string]any:
		for k, e := range v {
			n += len(k) + weight(e)
		}
	}
	return n
}

// shortened cuts a text that is recorded for people.
func shortened(text string) string {
	if len(text) <= maxShown {
		return text
	}
	return fmt.Sprintf("%s … (%d bytes more)", text[:maxShown], len(text)-maxShown)
}
