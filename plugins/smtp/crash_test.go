package smtp

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/q-ecosystem/runbook/plugins/plugintest"
	"github.com/q-ecosystem/runbook/stdlib/notify"
)

func TestMain(m *testing.M) { os.Exit(plugintest.Main(m, New())) }

// TestKilled kills the backend before, within and after a message: before the server
// keeps it, and when it has and nobody was told. It comes at most once, for nothing
// sends it again.
func TestKilled(t *testing.T) {
	boxes := map[plugintest.At]*mailbox{"": startMailbox(t, kind{}), plugintest.Before: startMailbox(t, kind{}), plugintest.After: startMailbox(t, kind{})}
	boxes[plugintest.Before].hang, boxes[plugintest.After].late = make(chan struct{}), make(chan struct{})
	t.Cleanup(func() { close(boxes[plugintest.Before].hang); close(boxes[plugintest.After].late) })
	n := 0
	times := func(text string) int {
		count := 0
		for _, m := range boxes {
			count += strings.Count(strings.Join(m.got(), "\n"), text)
		}
		return count
	}
	plugintest.Kills{Backend: backend(t, config(boxes[""], nil)), Config: config(boxes[""], nil), Module: notify.Module(), Op: "send", Moments: 2, System: server,
		Stops: func(_ *testing.T, at plugintest.At) (map[string]any, func() bool) {
			m := boxes[at]
			return config(m, nil), func() bool { return len(m.arrived) > 0 && (at == plugintest.Before || len(m.got()) == 1) }
		},
		Next: func(t *testing.T) plugintest.Round {
			n++
			text := fmt.Sprintf("message %d is sent", n)
			return plugintest.Round{Args: obj{"to": "ops", "text": text}, There: func() bool { return times(text) == 1 }, After: func() {
				if got := times(text); got > 1 {
					t.Errorf("%q came %d times", text, got)
				}
			}}
		}}.Run(t)
}
