package nginx

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins/plugintest"
)

// TestReloadIsStopped: a reload that was stopped may have reached nginx, and here it
// has: nginx is reloaded with the file of before, so that it serves what the error
// says that it does.
func TestReloadIsStopped(t *testing.T) {
	p := startProxy(t, "")
	for _, c := range []struct {
		what, again, timeout string // again is what the second reload does
		code                 effect.Code
		says                 []string
	}{
		{"its time is up", "true", "2s", effect.CodeRefused, []string{"nginx serves it: nothing changed", "deadline exceeded", "`timeout`"}},
		{"the call is canceled", "true", "1m", effect.CodeTimeout, []string{"nginx serves it: nothing changed", "canceled"}},
		{"the second one fails, too", "exit 1", "1m", effect.CodeUnknown, []string{"may have reached nginx", "the file is as it was", "failed, too", "traffic.weights"}},
	} {
		t.Run(c.what, func(t *testing.T) {
			before := p.text(t)
			once := filepath.Join(t.TempDir(), "once")
			b := p.backend(t, map[string]any{"timeout": c.timeout, "reload": []any{"sh", "-c",
				fmt.Sprintf("[ ! -e %[1]s ] || %[2]s; %[3]s -c %[4]s -s reload; [ -e %[1]s ] || { : >%[1]s; exec sleep 600; }", once, c.again, p.bin, p.conf)}})
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			ended := make(chan error, 1)
			go func() {
				_, err := b.Invoke(ctx, request(t, "split", map[string]any{"green": 10.0, "blue": 90.0}))
				ended <- err
			}()
			plugintest.Until(t, "nginx is told to reload", func() bool { _, err := os.Stat(once); return err == nil })
			if c.timeout == "1m" {
				cancel()
			}
			plugintest.WantError(t, <-ended, c.code, c.says...)
			if p.text(t) != before {
				t.Errorf("the file is now\n%s", p.text(t))
			}
			if c.code == effect.CodeUnknown { // it may serve either
				return
			}
			if v := must(t, b, "weights", nil); v["drift"] != nil || v["weights"].(map[string]any)["blue"] != 100.0 {
				t.Errorf("afterwards %v", v)
			}
			if got := p.distribution(t, 100); got["blue"] != 100 {
				t.Errorf("requests went to %v", got)
			}
		})
	}
}
