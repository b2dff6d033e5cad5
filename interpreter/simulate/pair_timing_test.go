package simulate

import (
	"strings"
	"testing"
)

// left are remains by paths written with slashes.
func left(values map[string]string) remains {
	r := remains{}
	for path, value := range values {
		r[strings.ReplaceAll(path, "/", "\x00")] = &remain{values: []string{value}}
	}
	return r
}

// TestTimingStillCounts: what tells the time is not compared, however deep it
// stands; what is missing of it is still found, and so is what stands beside it.
func TestTimingStillCounts(t *testing.T) {
	tm := newTiming()
	tm.learn([][2]remains{
		{
			left(map[string]string{"db/copies/probe-0900/backup": "full-1", "db/copies/probe-0901/backup": "full-2", "db/copies/probe-0900/time": "900", "db/copies/probe-0901/time": "901", "db/nodes/a/role": "primary"}),
			left(map[string]string{"db/copies/probe-0900/backup": "full-1", "db/copies/probe-1001/backup": "full-2", "db/copies/probe-0900/time": "900", "db/copies/probe-1001/time": "1001", "db/nodes/a/role": "primary"}),
		},
		{left(map[string]string{"db/noted": "early", "dns/day-1/hour-9/a": "x", "dns/day-1/fixed": "y"}), left(map[string]string{"dns/day-1/hour-10/a": "x", "dns/day-1/fixed": "y"})},
	})
	one := map[string]string{"db/copies/probe-0900/backup": "full-1", "db/copies/probe-0901/backup": "full-2", "db/copies/probe-0900/time": "900", "db/copies/probe-0901/time": "901", "db/nodes/a/role": "primary"}
	for name, tt := range map[string]struct {
		otherwise map[string]string // "" is not there
		want      string
	}{
		"the same":        {map[string]string{}, ""},
		"another time":    {map[string]string{"db/copies/probe-0901/backup": "", "db/copies/probe-0901/time": "", "db/copies/probe-1130/backup": "full-2", "db/copies/probe-1130/time": "1130"}, ""},
		"one is missing":  {map[string]string{"db/copies/probe-0901/backup": "", "db/copies/probe-0901/time": ""}, "db/copies/probe-#/backup, db/copies/probe-#/time"},
		"another content": {map[string]string{"db/copies/probe-0901/backup": "full-1"}, "db/copies/probe-#/backup"},
		"beside it":       {map[string]string{"db/nodes/a/role": "standby"}, "db/nodes/a/role"},
		"of other tables": {map[string]string{"db/nodes/probe-1/role": "standby"}, "db/nodes/probe-1/role"},
		"there or not":    {map[string]string{"db/noted": "late"}, ""},
		"in what is left": {map[string]string{"dns/day-1/hour-3/a": "z"}, "dns/day-1/hour-#/a"},
	} {
		t.Run(name, func(t *testing.T) {
			other := map[string]string{}
			for path, value := range one {
				other[path] = value
			}
			for path, value := range tt.otherwise {
				if other[path] = value; value == "" {
					delete(other, path)
				}
			}
			differs := tm.differ(left(one).called(tm.call), left(other).called(tm.call))
			if got := strings.ReplaceAll(strings.Join(differs, ", "), "\x00", "/"); got != tt.want {
				t.Errorf("%q differs, want %q", got, tt.want)
			}
		})
	}
}
