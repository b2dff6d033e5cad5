package health

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/stdlib/internal/modeltest"
)

// TestWatchOfTraffic: a window counts if traffic was divided as the run set it
// at its beginning and at its end.
func TestWatchOfTraffic(t *testing.T) {
	drift, slow := effect.Deviation{Drift: "traffic is not what this run set"}, effect.Deviation{Unsettled: "green takes 6%, set were 50%"}
	away := effect.Errorf(effect.CodeUnavailable, "connection refused")
	// during is 1m, a window 30s; what is seen after so many seconds.
	type sight struct {
		from int
		d    effect.Deviation
		err  *effect.Error
	}
	for name, c := range map[string]struct {
		sights       []sight
		args         obj
		measurements float64 // of a watch that passes
		took         time.Duration
		code         effect.Code // of one that does not
		says, logged string
	}{
		"as set":                       {measurements: 2, took: time.Minute},
		"drift before":                 {sights: []sight{{0, drift, nil}}, code: effect.CodeConflict, says: "green broke its gate: traffic is not what this run set"},
		"drift in the second window":   {sights: []sight{{40, drift, nil}}, code: effect.CodeConflict, took: time.Minute, says: "traffic is not"},
		"drift that is tolerated":      {sights: []sight{{0, drift, nil}, {40, effect.Deviation{}, nil}}, args: obj{"tolerate": 2.0}, measurements: 2, took: time.Minute},
		"drift that stays":             {sights: []sight{{0, drift, nil}}, args: obj{"tolerate": 1.0}, code: effect.CodeConflict, took: time.Minute, says: "2 windows in a row were bad"},
		"drift that is only said":      {sights: []sight{{40, drift, nil}}, args: obj{"drift": "say"}, measurements: 2, took: time.Minute, logged: "traffic is not"},
		"slow start":                   {sights: []sight{{0, slow, nil}, {100, effect.Deviation{}, nil}}, measurements: 6, took: 3 * time.Minute, logged: "the watch counts from when it does, for at most 5m|traffic is divided as this run set it"},
		"slow start in between":        {sights: []sight{{40, slow, nil}, {70, effect.Deviation{}, nil}}, measurements: 4, took: 2 * time.Minute, logged: "for at most 5m"},
		"slow start for too long":      {sights: []sight{{0, slow, nil}}, args: obj{"settle": "2m"}, code: effect.CodeUnhealthy, took: 2 * time.Minute, says: "green takes 6%, set were 50%, for 2m"},
		"slow start that is only said": {sights: []sight{{0, slow, nil}}, args: obj{"drift": "say"}, measurements: 2, took: time.Minute, logged: "green takes 6%"},
		"away for a moment":            {sights: []sight{{0, effect.Deviation{}, away}, {1, effect.Deviation{}, nil}}, measurements: 2, took: 61 * time.Second},
		"away":                         {sights: []sight{{10, effect.Deviation{}, away}}, code: effect.CodeNoData, took: 31 * time.Second, says: "what this run set could not be read: connection refused"},
		"makes no sense":               {sights: []sight{{0, effect.Deviation{}, effect.Errorf(effect.CodeInvalid, "no pool")}}, code: effect.CodeInvalid, says: "no pool"},
		"bad while it is slow":         {sights: []sight{{0, slow, nil}}, args: obj{"slo": obj{"error_rate": "< 0%"}}, code: effect.CodeUnhealthy, took: 30 * time.Second, says: "error_rate is 0%"},
		"drift and a broken threshold": {sights: []sight{{10, drift, nil}}, args: obj{"slo": obj{"error_rate": "< 0%"}}, code: effect.CodeUnhealthy, took: 30 * time.Second, says: "error_rate is 0% (wants < 0%), traffic is not"},
	} {
		t.Run(name, func(t *testing.T) {
			s := modeltest.NewStage(t, Module(), obj{"green": obj{}})
			began := s.Now
			s.Deviate = func() ([]effect.Deviation, error) {
				var is sight
				for _, x := range c.sights {
					if s.Now.Sub(began) >= time.Duration(x.from)*time.Second {
						is = x
					}
				}
				if is.err != nil {
					return nil, is.err
				}
				return []effect.Deviation{{}, is.d}, nil
			}
			args := obj{"env": "green", "during": "1m", "slo": obj{"error_rate": "< 1%"}}
			for k, v := range c.args {
				args[k] = v
			}
			v, err := s.Run("health.watch", args)
			if took := s.Now.Sub(began); c.took != 0 && took != c.took {
				t.Errorf("took %s, want %s", took, c.took)
			}
			switch {
			case c.code == "" && (err != nil || v["measurements"] != c.measurements):
				t.Errorf("%v, %v", v, err)
			case c.code != "" && (err == nil || err.Code != c.code || !strings.Contains(err.Message, c.says)):
				t.Errorf("%v, %v", v, err)
			}
			logged := strings.Join(s.Logged, "|")
			for part := range strings.SplitSeq(c.logged, "|") {
				if !strings.Contains(logged, part) || c.logged == "" && logged != "" && c.code == "" {
					t.Errorf("logged %q, want %q", logged, part)
				}
			}
			if n := len(s.Gates); n > 0 && c.code == effect.CodeConflict && !strings.Contains(fmt.Sprint(s.Gates[n-1]["traffic"]), "traffic is not") {
				t.Errorf("the gate says %v", s.Gates[n-1])
			}
		})
	}
}

// TestWatchOfADeadRunner: the time in which nobody looked does not count.
func TestWatchOfADeadRunner(t *testing.T) {
	for _, c := range []struct {
		every, away time.Duration
		counts      bool
	}{
		{30 * time.Second, time.Hour, false},
		{30 * time.Second, 31 * time.Second, false},
		{30 * time.Second, 29 * time.Second, true}, // as long as Prometheus may take
		{2 * time.Second, 20 * time.Second, false},
		{2 * time.Second, time.Second, true},
		{50 * time.Millisecond, 5 * time.Second, false},
		{50 * time.Millisecond, 500 * time.Millisecond, true},
		{10 * time.Minute, 31 * time.Second, false},
	} {
		t.Run(fmt.Sprintf("%s within windows of %s", c.away, c.every), func(t *testing.T) {
			s := modeltest.NewStage(t, Module(), obj{"green": obj{}})
			began, away := s.Now, false
			s.Deviate = func() ([]effect.Deviation, error) {
				if !away && s.Now.Sub(began) >= c.every { // it dies after the first window
					away = true
					s.Now = s.Now.Add(c.away)
				}
				return nil, nil
			}
			during := 20 * c.every
			v, err := s.Run("health.watch", obj{"env": "green", "every": c.every.String(), "during": during.String(), "slo": obj{"error_rate": "< 1%"}})
			if took := s.Now.Sub(began); err != nil || !c.counts && (v["measurements"] != 20.0 || took != during+c.away) || c.counts && took > during+c.every {
				t.Fatalf("%v, %v, after %s", v, err, took)
			}
			if got, _ := s.Gates[1]["elapsed"].(float64); !c.counts && math.Abs(got-2*c.every.Seconds()) > 1e-6 {
				t.Errorf("the second window ends at %v", got)
			}
		})
	}
}
