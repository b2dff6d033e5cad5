package simulate_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/simulate"
)

func planned(place effect.Place, op, args string, at float64) simulate.Planned {
	return simulate.Planned{Place: place, Op: op, Args: []byte(args), At: at, Took: 1, Class: effect.Write}
}

func TestPlansAreReadAsTheyWereWritten(t *testing.T) {
	p := &simulate.Plan{Version: simulate.PlanVersion, Runbook: "x", Params: []byte(`{"a":1,"s":"<&>"}`),
		Start: time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC), Took: 1.5, Status: effect.StatusSucceeded,
		Effects: []simulate.Planned{planned("1", "traffic.split", `{"blue":90,"green":10}`, 0)},
		Touches: []simulate.Touched{}, Approvals: []simulate.Approval{}, Assumed: []string{}}
	text, err := p.Encode()
	if err != nil {
		t.Fatal(err)
	}
	back, err := simulate.DecodePlan(text)
	if err != nil {
		t.Fatal(err)
	}
	again, err := back.Encode()
	if err != nil || !bytes.Equal(text, again) {
		t.Errorf("read and written again, it is\n%s\nwant\n%s (%v)", again, text, err)
	}
	if got := string(back.Effects[0].Args); got != `{"blue":90,"green":10}` {
		t.Errorf("the arguments are no longer canonical: %s", got)
	}
	for _, tt := range []struct{ text, want string }{
		{"", "not JSON"}, {"[]", "not JSON"}, {"{}", "no version"}, {`{"version":2}`, "version 2"}, {`{"version":1,"wrong":1}`, "wrong"},
	} {
		if _, err := simulate.DecodePlan([]byte(tt.text)); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%q: got %v, want it to say %q", tt.text, err, tt.want)
		}
	}
}

func TestSecretsStandInPlansByName(t *testing.T) {
	at := time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC)
	p := simulate.NewPlan([]effect.Event{{At: at, Kind: effect.RunCreated}, {At: at, Kind: effect.EffectDone, Place: "1",
		Body: effect.Body{Op: "http.request", Class: effect.Write, Args: []byte(`{"token":{"$secret":"env:TOKEN","digest":"hmac:77"}}`)}}}, nil)
	live, err := simulate.EncodeByName(map[string]any{"token": effect.NewSecret("env:TOKEN", "hunter2")})
	if err != nil {
		t.Fatal(err)
	}
	if got := p.Effects[0].Args; !bytes.Equal(got, live) || bytes.Contains(got, []byte("77")) || bytes.Contains(got, []byte("hunter2")) {
		t.Errorf("got %s, want %s", got, live)
	}
}

func TestComparePlans(t *testing.T) {
	split := func(place effect.Place, args string, at float64) simulate.Planned {
		return planned(place, "traffic.split", args, at)
	}
	a := &simulate.Plan{Status: effect.StatusSucceeded, Took: 30, Effects: []simulate.Planned{
		split("1", `{"green":10}`, 0), planned("2", "run.sleep", `{"duration":10}`, 1), split("3", `{"green":100}`, 11)}}
	for _, tt := range []struct {
		name    string
		effects []simulate.Planned
		want    []simulate.DifferenceKind
	}{
		{"same", a.Effects, nil},
		{"other places", []simulate.Planned{split("4", `{"green":10}`, 0), planned("5", "run.sleep", `{"duration":10}`, 1), split("6", `{"green":100}`, 11)}, nil},
		{"added", append([]simulate.Planned{split("0", `{"green":1}`, 0)}, a.Effects...), []simulate.DifferenceKind{simulate.DiffAdded}},
		{"removed", a.Effects[:2], []simulate.DifferenceKind{simulate.DiffRemoved}},
		{"later", []simulate.Planned{a.Effects[0], a.Effects[1], split("3", `{"green":100}`, 21)}, []simulate.DifferenceKind{simulate.DiffShifted}},
		{"another argument", []simulate.Planned{a.Effects[0], planned("2", "run.sleep", `{"duration":5}`, 1), a.Effects[2]},
			[]simulate.DifferenceKind{simulate.DiffRemoved, simulate.DiffAdded}},
		{"in a rollback", []simulate.Planned{a.Effects[0], a.Effects[1], split("r1.1.1", `{"green":100}`, 11)},
			[]simulate.DifferenceKind{simulate.DiffRemoved, simulate.DiffAdded}},
		{"a failure", []simulate.Planned{a.Effects[0], a.Effects[1], {Place: "3", Op: "traffic.split", Args: []byte(`{"green":100}`), At: 11, Took: 1,
			Error: effect.Errorf(effect.CodeRefused, "no")}}, []simulate.DifferenceKind{simulate.DiffChanged}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := simulate.ComparePlans(a, &simulate.Plan{Status: effect.StatusSucceeded, Took: 30, Effects: tt.effects})
			if len(got) != len(tt.want) {
				t.Fatalf("got %d differences, want %v: %+v", len(got), tt.want, got)
			}
			for i := range got {
				if got[i].Kind != tt.want[i] {
					t.Errorf("difference %d is %s, want %s", i, got[i].Kind, tt.want[i])
				}
			}
		})
	}
	// What the plans are of counts too.
	got := simulate.ComparePlans(a, &simulate.Plan{Status: effect.StatusFailed, Took: 90, Effects: a.Effects, Params: []byte(`{"bake":10}`)})
	var texts []string
	for _, d := range got {
		texts = append(texts, d.Text)
	}
	if want := "parameter bake: nothing → 10|ends: succeeded → failed|takes: 30s → 1m30s"; strings.Join(texts, "|") != want {
		t.Errorf("got  %s\nwant %s", strings.Join(texts, "|"), want)
	}
}
