package notify

import (
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// What is said of one region stays true when another one fails, and nothing is taken back.
func TestWhatIsSaidOfOnePlaceIsNotOfAnother(t *testing.T) {
	release := func(place effect.Place, region string) effect.Occurrence {
		return effect.Occurrence{Place: place, Module: "deploy", Name: "release", Class: effect.Write, Args: map[string]any{"region": region}}
	}
	said := func(text string) effect.Occurrence {
		return effect.Occurrence{Place: "2", Module: "notify", Name: "send", Class: effect.Irreversible, Tells: true, Args: map[string]any{"text": text}}
	}
	for _, c := range []struct {
		text, failed string
		want         bool
	}{
		{"v5 is live in eu.", "us", true},
		{"v5 is live in eu.", "eu", false},
		{"v5 is live", "us", false},
		{"v5 is live in us", "us", false},
	} {
		told := said(c.text)
		past := []effect.Occurrence{release("1", "eu"), told, release("3", c.failed)}
		if got := ofAnother(past, told, past[2]); got != c.want {
			t.Errorf("%q, then %s fails: %t, want %t", c.text, c.failed, got, c.want)
		}
	}
}
