package notify

import (
	"testing"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/stdlib/internal/modeltest"
	"github.com/q-ecosystem/runbook/stdlib/internal/plain"
)

type obj = map[string]any

func TestNotifyModel(t *testing.T) {
	r := modeltest.New(t, Module(), obj{"answers": obj{"on-call": obj{"never": true}, "manager": obj{"after": "5m", "by": "ann"}}, "down": []any{"pigeon"}})
	r.Must("send", obj{"to": "ops", "text": "hello"})
	modeltest.Is(t, "sent", r.State()["sent"], []any{obj{"to": "ops", "text": "hello"}})
	r.Fails("send", obj{"to": "pigeon", "text": "coo"}, effect.CodeUnavailable)
	key := r.Must("page", obj{"to": "on-call", "text": "fire"})["key"].(string)
	if _, err := r.Again("page", obj{"to": "on-call", "text": "fire"}); err != nil || len(r.State()["pages"].(obj)) != 1 {
		t.Errorf("a page said twice: %v, %v", r.State(), err)
	}
	named := r.Must("page", obj{"to": "manager", "text": "fire", "key": "incident-7"})
	modeltest.Is(t, "named", named, obj{"key": "incident-7", "status": "triggered"})
	r.Pass(time.Hour)
	modeltest.Is(t, "on-call", r.Must("acknowledged", obj{"to": "on-call", "key": key}), obj{"acknowledged": false, "status": "triggered"})
	modeltest.Is(t, "manager", r.Must("acknowledged", obj{"to": "manager", "key": "incident-7"}),
		obj{"acknowledged": true, "status": "acknowledged", "by": "ann", "at": plain.Unix(modeltest.Start().Add(5 * time.Minute))})
	r.Fails("acknowledged", obj{"to": "manager", "key": key}, effect.CodeNotFound)
	modeltest.Is(t, "resolve", r.Must("update", obj{"to": "manager", "key": "incident-7", "status": "resolved", "text": "out"})["status"], "resolved")
	modeltest.Is(t, "pages", modeltest.At(r.State(), "pages", "incident-7", "notes"), []any{"out"})
	modeltest.Is(t, "a new incident", r.Must("page", obj{"to": "manager", "text": "again", "key": "incident-7"})["status"], "triggered")
	other := r.Must("page", obj{"to": "someone", "text": "x"})["key"]
	r.Pass(time.Minute)
	modeltest.Is(t, "who is not declared", r.Must("acknowledged", obj{"to": "someone", "key": other})["by"], "someone")
}
