package exec

import (
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// TestAbsolute: what reads as if it adds each time, and what says only how old or how far.
func TestAbsolute(t *testing.T) {
	for line, want := range map[string]bool{
		"lvextend -L +10G /dev/vg/data":                    true,
		"./scale.sh web +2":                                true,
		"./scale.sh web --add 2":                           true,
		"./scale.sh web 4":                                 false,
		"find /backup -name main-*.dump -mtime +7 -delete": false,
		"find /backup -size +100M -mtime +7 -delete":       false,
		"tail -n +2 /srv/list.csv":                         false,
		"tail -n +2 list | ./scale.sh web +2":              true,
	} {
		e := effect.Occurrence{Module: "exec", Name: "run", Again: true, Opaque: true, Args: map[string]any{"shell": line}}
		if got := absolute(nil, e); (got != "") != want {
			t.Errorf("%s: %q", line, got)
		}
	}
}
