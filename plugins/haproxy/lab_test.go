package haproxy

import (
	"os"
	"testing"

	"github.com/q-ecosystem/runbook/examples/lab"
)

// TestLab runs on the lab what runs on the real HAProxy.
func TestLab(t *testing.T) {
	dir, err := os.MkdirTemp("", "rb")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	l, err := lab.Start(t.Context(), lab.Options{Dir: dir, Rate: -1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	if err := l.Deploy(t.Context(), "green", "v1.1.0"); err != nil {
		t.Fatal(err)
	}
	suite(t, system{socket: l.Info().Socket, pool: l.Info().Pool, front: l.Info().Proxy + "/",
		setDown: func(t *testing.T, server string, down bool) {
			t.Helper()
			if err := l.SetFault(t.Context(), server, lab.Fault{Down: down, Clear: !down}); err != nil {
				t.Fatal(err)
			}
		}})
}
