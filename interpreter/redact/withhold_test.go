package redact_test

import (
	"context"
	"reflect"
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/redact"
)

// TestWithheld: of what comes back from a call whose texts are to be withheld, only
// what could not show a secret is left.
func TestWithheld(t *testing.T) {
	type obj = map[string]any
	op := &effect.Op{Module: "t", Name: "op", Returns: []effect.Field{
		{Name: "stdout", Type: effect.String}, {Name: "code", Type: effect.Int}, {Name: "took", Type: effect.Duration}, {Name: "ok", Type: effect.Bool},
		{Name: "state", Type: effect.Enum, Enum: []string{"draining"}}, {Name: "files", Type: effect.List, Elem: &effect.Field{Type: effect.String}},
		{Name: "weights", Type: effect.Map, Elem: &effect.Field{Type: effect.Number}}, {Name: "any", Type: effect.Any},
		{Name: "value", Type: effect.String, Secret: true},
		{Name: "copy", Type: effect.Object, Fields: []effect.Field{{Name: "bytes", Type: effect.Size}, {Name: "path", Type: effect.String}}},
	}}
	call := effect.Call{Op: op, Withhold: true, Args: obj{"to": obj{"web-server-1": 10.0}, "path": "/srv/backup"}}
	for _, c := range []struct {
		name      string
		got, want any
		redacted  bool
	}{
		{"texts", obj{"stdout": "the password is hunter2"}, obj{}, true},
		{"short texts", obj{"stdout": "green"}, obj{"stdout": "green"}, false},
		{"numbers, states", obj{"code": 7.0, "took": 60.0, "ok": true, "state": "draining"}, obj{"code": 7.0, "took": 60.0, "ok": true, "state": "draining"}, false},
		{"a word that is not in the list", obj{"state": "hunter2"}, obj{}, true},
		{"texts of the call", obj{"stdout": "/srv/backup"}, obj{"stdout": "/srv/backup"}, false},
		{"lists as a whole", obj{"files": []any{"/srv/backup", "/srv/hunter2"}}, obj{}, true},
		{"lists of what is known", obj{"files": []any{"/srv/backup"}}, obj{"files": []any{"/srv/backup"}}, false},
		{"keys that are known", obj{"weights": obj{"web-server-1": 10.0}}, obj{"weights": obj{"web-server-1": 10.0}}, false},
		{"keys that are not", obj{"weights": obj{"web-server-1": 10.0, "hunter2": 1.0}}, obj{}, true},
		{"a number of any shape", obj{"any": 20261127.0}, obj{}, true},
		{"what is declared as a secret", obj{"value": "hunter2"}, obj{"value": "hunter2"}, false},
		{"tables by their fields", obj{"copy": obj{"bytes": 10.0, "path": "/srv/hunter2"}}, obj{"copy": obj{"bytes": 10.0}}, true},
		{"what is not declared", obj{"more": "hunter2"}, obj{}, true},
		{"a text", "hunter2", nil, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			next := effect.HandlerFunc(func(_ context.Context, call effect.Call) (effect.Result, error) {
				call.Report("hunter2")
				return effect.Result{Value: c.got}, nil
			})
			call := call
			call.Progress = func(line string) { t.Errorf("progress: %s", line) }
			res, err := redact.Handler{Known: redact.NewKnown(), Next: next}.Do(t.Context(), call)
			if err != nil || !reflect.DeepEqual(res.Value, c.want) || res.Redacted != c.redacted {
				t.Errorf("got %v, %v, redacted %v; want %v", res.Value, err, res.Redacted, c.want)
			}
			call.Withhold, call.Progress = false, nil
			if res, _ := (redact.Handler{Known: redact.NewKnown(), Next: next}).Do(t.Context(), call); !reflect.DeepEqual(res.Value, c.got) {
				t.Errorf("where nothing is withheld: %v", res.Value)
			}
		})
	}
	next := effect.HandlerFunc(func(context.Context, effect.Call) (effect.Result, error) {
		return effect.Result{}, effect.Errorf(effect.CodeUnavailable, "with hunter2").WithHint("try hunter2")
	})
	_, err := redact.Handler{Known: redact.NewKnown(), Next: next}.Do(t.Context(), call)
	want := &effect.Error{Code: effect.CodeUnavailable, Retryable: true, Message: "what it says is withheld, because it could show a secret that cannot be had now",
		Hint: "see that the run's secrets can be asked for, and try again"}
	if !reflect.DeepEqual(err, want) {
		t.Errorf("got %+v", err)
	}
}
