package model

import (
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

func TestMirroredWhole(t *testing.T) {
	type obj = map[string]any
	run := func(place effect.Place, shell string) effect.Occurrence {
		return effect.Occurrence{Place: place, Module: "exec", Name: "run", Class: effect.Write, Args: obj{"shell": shell}}
	}
	mirror := run("2", "rsync -a --delete /mnt/nas/uploads/ /srv/uploads/")
	for name, c := range map[string]struct {
		past []effect.Occurrence
		want bool
	}{
		"of what is mounted":       {[]effect.Occurrence{mirror}, true},
		"of another kind":          {[]effect.Occurrence{run("2", "aws s3 sync /mnt/nas/uploads s3://uploads --delete")}, true},
		"it is looked at":          {[]effect.Occurrence{run("1", "mountpoint -q /mnt/nas"), mirror}, false},
		"it is looked at in it":    {[]effect.Occurrence{run("1", "test -f /mnt/nas/uploads/.here"), mirror}, false},
		"in one line":              {[]effect.Occurrence{run("2", "mountpoint -q /mnt/nas && rsync -a --delete /mnt/nas/uploads/ /srv/uploads/")}, false},
		"another one is looked at": {[]effect.Occurrence{run("1", "mountpoint -q /mnt/usb"), mirror}, true},
		"not more than some":       {[]effect.Occurrence{run("2", "rsync -a --delete --max-delete=100 /mnt/nas/uploads/ /srv/uploads/")}, false},
		"of what was built":        {[]effect.Occurrence{run("2", "rsync -a --delete build/ web-1:/srv/www/")}, false},
		"to what is mounted":       {[]effect.Occurrence{run("2", "rsync -a --delete /srv/uploads/ /mnt/nas/uploads/")}, false},
		"nothing is removed":       {[]effect.Occurrence{run("2", "rsync -a /mnt/nas/uploads/ /srv/uploads/")}, false},
	} {
		v := &effect.View{Done: func() []effect.Occurrence { return c.past }}
		if got := MirroredWhole("exec").After(v, c.past[len(c.past)-1]); (got != "") != c.want {
			t.Errorf("%s: %q", name, got)
		}
	}
}
