package rfc2136

import (
	"os"
	"testing"

	"github.com/q-ecosystem/runbook/plugins/plugintest"
)

func TestMain(m *testing.M) { os.Exit(plugintest.Main(m, New())) }

func TestConformance(t *testing.T) {
	primaries(t, func(t *testing.T, p *server) { p.subject().Conformance(t) })
}

// TestModelDoesWhatServersDo walks real servers and the model of the module at
// random, and holds what they say against each other.
func TestModelDoesWhatServersDo(t *testing.T) {
	primaries(t, func(t *testing.T, p *server) { p.subject().Walk(t) })
}

func TestChanges(t *testing.T) {
	primaries(t, func(t *testing.T, p *server) {
		p.subject().Changes(t)
		_, err := invoke(t, backend(t, p.addr, nil), "records", obj{"name": "x.child.example.org"})
		fails(t, err, "not_found", "no zone that the primary "+p.addr+" has authority for")
	})
}

// TestTheServerCompares lets many swap one set: of each round one wins.
func TestTheServerCompares(t *testing.T) {
	primaries(t, func(t *testing.T, p *server) { p.subject().Swaps(t, true) })
}

// TestObserve holds what is observed against what the server holds.
func TestObserve(t *testing.T) {
	primaries(t, func(t *testing.T, p *server) { p.subject().Observe(t) })
}

// TestKilled kills the backend before, within and after each change; the servers are
// asked past it.
func TestKilled(t *testing.T) {
	primaries(t, func(t *testing.T, p *server) {
		p.subject().Killed(t, func(t *testing.T, at plugintest.At) (obj, func() bool) {
			way, held := cutUpdates(t, p.addr, at, true)
			return obj{"server": way}, held
		})
	})
}
