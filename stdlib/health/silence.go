package health

import (
	"fmt"
	"maps"
	"slices"
	"sort"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/stdlib/internal/field"
	"github.com/q-ecosystem/runbook/stdlib/internal/plain"
)

func silenceID() effect.Field {
	return effect.Field{Name: "id", Type: effect.String, Doc: "of the silence"}
}

func until() effect.Field {
	return field.Of("until", effect.Number, "when it ends by itself, in seconds since 1970")
}

// validateMatch refuses a silence of all alerts.
func validateMatch(args map[string]any) error {
	for _, value := range plain.Table(args, "match") {
		if value != "" { // an empty one matches alerts without the label
			return nil
		}
	}
	return &effect.FieldError{Path: "match", Problem: "names no label with a value, so that all alerts would be silenced", Hint: `write match = { alertname = "HighLatency" }`}
}

// silence is one of a Model.
type silence struct {
	id, why, by string
	match       map[string]any
	until       time.Time
	mine        bool // the run made it
}

// silences is a Model's memory of them.
type silences struct {
	list    []silence
	made    int  // by the run
	learned bool // those of the real system are known
}

func (s silences) clone() silences {
	s.list = slices.Clone(s.list)
	return s
}

func (s *silences) find(id string) int {
	return slices.IndexFunc(s.list, func(one silence) bool { return one.id == id })
}

// do carries out silence, unsilence and silences.
func (s *silences) do(m effect.Moment, op string, args map[string]any) (any, error) {
	switch op {
	case "silence":
		s.made++
		one := silence{id: fmt.Sprintf("silence-%d", s.made), why: plain.Str(args, "why"), by: "runbook", match: maps.Clone(plain.Table(args, "match")),
			until: m.Now.Add(effect.Seconds(plain.Num(args, "lasts"))), mine: true}
		s.list = append(s.list, one)
		return map[string]any{"id": one.id, "until": plain.Unix(one.until)}, nil
	case "unsilence":
		id := plain.Str(args, "id")
		i := s.find(id)
		if i < 0 {
			return nil, effect.Errorf(effect.CodeNotFound, "there is no silence %s", id).WithHint("health.silences shows those that are on")
		}
		if s.list[i].until.After(m.Now) {
			s.list[i].until = m.Now
		}
		return map[string]any{"id": id}, nil
	}
	out := []any{}
	for _, one := range s.on(m.Now) {
		out = append(out, map[string]any{"id": one.id, "until": plain.Unix(one.until), "match": maps.Clone(one.match), "why": one.why, "by": one.by})
	}
	return map[string]any{"silences": out}, nil
}

// on returns the silences that are on, in the order of their ends.
func (s *silences) on(now time.Time) []silence {
	var out []silence
	for _, one := range s.list {
		if one.until.After(now) {
			out = append(out, one)
		}
	}
	sort.SliceStable(out, func(i, j int) bool { return out[i].until.Before(out[j].until) })
	return out
}

// cover reports whether a silence keeps an alert from people, as far as its labels
// are known.
func (s *silences) cover(now time.Time, alert map[string]any) bool {
	labels := map[string]any{"alertname": alert["name"], "severity": alert["severity"], "env": alert["env"]}
	return slices.ContainsFunc(s.on(now), func(one silence) bool {
		for label, value := range one.match {
			if labels[label] != value {
				return false
			}
		}
		return true
	})
}

// learn takes what the real system said.
func (s *silences) learn(value any) {
	s.learned = true
	v, _ := value.(map[string]any)
	list, _ := v["silences"].([]any)
	for _, e := range list {
		e, _ := e.(map[string]any)
		s.list = append(s.list, silence{id: plain.Str(e, "id"), why: plain.Str(e, "why"), by: plain.Str(e, "by"), match: plain.Table(e, "match"),
			until: time.UnixMicro(int64(plain.Num(e, "until") * 1e6))})
	}
}

// state is what State shows of those that the run made and that are on.
func (s *silences) state(now time.Time) map[string]any {
	out := map[string]any{}
	for _, one := range s.on(now) {
		if one.mine {
			out[one.id] = map[string]any{"why": one.why, "until": plain.Unix(one.until)}
		}
	}
	return out
}

// silencesOff finds a silence that a run which failed left on, and did not try to
// end.
func silencesOff(v *effect.View, end effect.Ending) string {
	if end.Status != effect.StatusFailed && end.Status != effect.StatusRolledBack || v.Stranded {
		return ""
	}
	if slices.ContainsFunc(v.Past(), func(o effect.Occurrence) bool { return o.Module == "health" && o.Name == "unsilence" && o.Err != nil }) {
		return ""
	}
	advice := "end it in on_rollback, by health.unsilence"
	if !end.RollsBack {
		advice = "roll back what fails (on_failure), and end it there, by health.unsilence"
	}
	left := plain.Table(v.State("health"), "silences")
	for _, id := range plain.SortedNames(left) {
		one := plain.Table(left, id)
		return fmt.Sprintf("the run is %s, and leaves %s on (%s) until %s: %s", end.Status, id, plain.Str(one, "why"),
			time.Unix(int64(plain.Num(one, "until")), 0).UTC().Format("15:04"), advice)
	}
	return ""
}

// outlives is for how long a silence may go on after a run before that counts.
const outlives = 15 * time.Minute

// silencesForgotten finds a silence that a rollback ends, and that nobody ends where
// nothing fails: alerts of what the run has left stay with nobody.
func silencesForgotten(v *effect.View, end effect.Ending) string {
	if end.Status != effect.StatusRolledBack || len(v.Usual) == 0 {
		return ""
	}
	last := v.Usual[len(v.Usual)-1].At
	ended := func(list []effect.Occurrence, id string, back bool) bool {
		return slices.ContainsFunc(list, func(o effect.Occurrence) bool {
			return o.Module == "health" && o.Name == "unsilence" && o.Err == nil && o.Args["id"] == id && o.Place.InRollback() == back
		})
	}
	for _, o := range v.Usual {
		value, _ := o.Value.(map[string]any)
		id, goesOn := plain.Str(value, "id"), time.UnixMicro(int64(plain.Num(value, "until")*1e6))
		if o.Module == "health" && o.Name == "silence" && o.Err == nil && goesOn.Sub(last) > outlives && !ended(v.Usual, id, false) && ended(v.Past(), id, true) {
			return fmt.Sprintf("%s is ended by the rollback, and by nobody where nothing fails: it goes on for %s after the run; end it with health.unsilence there, too", o, effect.FormatDuration(goesOn.Sub(last).Round(time.Second)))
		}
	}
	return ""
}
