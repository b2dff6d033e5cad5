package plugintest

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/q-ecosystem/runbook/plugins"
)

// Main is for TestMain of a package whose backends are killed:
//
//	func TestMain(m *testing.M) { os.Exit(plugintest.Main(m, haproxy.New())) }
//
// It runs the tests and returns the exit code. Where they are not narrowed down
// (by -run or -skip), those of a backend that passes the suite have failed
// unless each of its writes was killed, by Kills or Kill. In a process that was
// started to be killed a backend of that name carries the request out, and Main
// does not return.
func Main(m *testing.M, backends ...plugins.Backend) int {
	victim(backends...)
	code := m.Run()
	if code != 0 || narrowed() {
		return code
	}
	if spared := toll.spared(); len(spared) > 0 {
		fmt.Fprintf(os.Stderr, "FAIL: no test kills %s: every write is to be tried with plugintest.Kills\n", strings.Join(spared, ", "))
		return 1
	}
	return 0
}

// narrowed reports whether only some of the tests were asked for.
func narrowed() bool {
	for _, name := range []string{"test.run", "test.skip"} {
		if f := flag.Lookup(name); f != nil && f.Value.String() != "" {
			return true
		}
	}
	return false
}

// ledger is what the suite has seen of backends in this process: the writes that
// they have, and those at which they were killed, each "haproxy at split".
type ledger struct {
	mu             sync.Mutex
	writes, killed map[string]bool
}

var toll = &ledger{writes: map[string]bool{}, killed: map[string]bool{}}

func (l *ledger) write(backend, op string) { l.note(l.writes, backend, op) }
func (l *ledger) kill(backend, op string)  { l.note(l.killed, backend, op) }

func (l *ledger) note(in map[string]bool, backend, op string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	in[backend+" at "+op] = true
}

// spared returns the writes at which nobody was killed.
func (l *ledger) spared() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var list []string
	for name := range l.writes {
		if !l.killed[name] {
			list = append(list, name)
		}
	}
	slices.Sort(list)
	return list
}
