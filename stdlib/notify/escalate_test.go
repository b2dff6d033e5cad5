package notify

import (
	"strings"
	"testing"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/stdlib/internal/modeltest"
	"github.com/q-ecosystem/runbook/stdlib/internal/plain"
)

func TestEscalate(t *testing.T) {
	answers := obj{"on-call": obj{"never": true}, "manager": obj{"after": "5m", "by": "ann"}, "late": obj{"after": "20m", "by": "bob"}}
	levels := func(names ...string) []any {
		var out []any
		for _, n := range names {
			out = append(out, obj{"to": n, "wait": "15m"})
		}
		return out
	}
	s := modeltest.NewStage(t, Module(), obj{"answers": answers})
	v, err := s.Run("notify.escalate", obj{"text": "fire", "levels": levels("on-call", "manager")})
	if err != nil {
		t.Fatal(err)
	}
	modeltest.Is(t, "who", plain.Pick(v, "by", "to", "level"), obj{"by": "ann", "to": "manager", "level": 2.0})
	if w := v["waited"].(float64); w < 20*60 || w > 21*60 || len(v["pages"].([]any)) != 2 {
		t.Errorf("%v", v)
	}
	v, err = s.Run("notify.escalate", obj{"text": "fire", "levels": levels("late", "on-call")})
	if err != nil || v["to"] != "late" || v["by"] != "bob" {
		t.Errorf("the first one answers while the second is called: %v, %v", v, err)
	}
	s.Fail["notify.page pigeon"] = effect.Errorf(effect.CodeUnavailable, "it flew away")
	before := s.Now
	v, err = s.Run("notify.escalate", obj{"text": "fire", "levels": levels("pigeon", "manager")})
	if err != nil || v["level"] != 2.0 || s.Now.Sub(before) > 6*time.Minute {
		t.Errorf("one who cannot be called: %v, %v, %s", v, err, s.Now.Sub(before))
	}
	_, err = s.Run("notify.escalate", obj{"text": "fire", "levels": levels("pigeon", "on-call")})
	if err == nil || err.Code != effect.CodeExpired || !strings.Contains(err.Message, "nobody took it on within 15m: pigeon could not be called: it flew away; on-call did not answer") {
		t.Errorf("nobody: %v", err)
	}
	s.Fail["notify.acknowledged on-call"] = effect.Errorf(effect.CodeUnsupported, "there is no token")
	_, err = s.Run("notify.escalate", obj{"text": "fire", "levels": levels("on-call")})
	if err == nil || !strings.Contains(err.Message, "on-call was called, and whether anybody answered is not known: there is no token") {
		t.Errorf("a service that cannot say: %v", err)
	}
}
