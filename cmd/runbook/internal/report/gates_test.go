package report

import (
	"bytes"
	"strings"
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// TestWarningsOfGates: what was beyond a warning stands beside what was measured,
// and the bound of it in the drawing; a gate without any has no column for them.
func TestWarningsOfGates(t *testing.T) {
	for _, c := range []struct {
		p99    float64
		warned bool
	}{{0.18, true}, {0.01, false}} {
		b := &book{}
		b.add(0, effect.RunCreated, "", effect.Body{Name: "shift"})
		b.gate(60, "3.~1", c.p99, "")
		b.add(60, effect.StatusChanged, "", effect.Body{Status: effect.StatusSucceeded})
		r := made(t, b, nil)
		if g := r.Gates[0]; !g.Passed || g.Warned != c.warned || g.Metrics[0].Warning == nil || *g.Metrics[0].Warning != 0.15 {
			t.Errorf("p99 %v: %+v", c.p99, g)
		}
		var page, text bytes.Buffer
		if err := r.HTML(&page); err != nil {
			t.Fatal(err)
		}
		if err := r.Markdown(&text); err != nil {
			t.Fatal(err)
		}
		for out, column := range map[string]string{page.String(): "<th>warnings</th>", text.String(): "| warnings |"} {
			if strings.Contains(out, "latency is over 150ms") != c.warned || strings.Contains(out, column) != c.warned {
				t.Errorf("p99 %v: %s", c.p99, out)
			}
		}
		if !strings.Contains(page.String(), `class="warning"`) {
			t.Error("the drawing has no line for the warning")
		}
	}
}
