package model

import (
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// TestWhatHoldsSomething tells what takes away something that holds things from what
// does not, and finds its name.
func TestWhatHoldsSomething(t *testing.T) {
	for line, name := range map[string]string{
		"rabbitmqctl delete_queue orders":                                "orders",
		"DELETE https://mq.example.net/api/queues/%2F/orders?if=unused":  "orders",
		"aws sqs delete-queue --queue-url https://sqs/1/orders":          "orders",
		"rabbitmqadmin delete queue name=orders":                         "orders",
		"nats stream rm orders -f":                                       "orders",
		"kafka-topics --delete --topic orders --bootstrap-server k:9092": "orders",
		"DELETE https://mq.example.net/api/bindings/orders":              "",
		"DELETE https://mq.example.net/api/queues":                       "",
		"rabbitmqctl list_queues":                                        "",
		"aws sqs receive-message --queue-url https://sqs/1/orders":       "",
	} {
		if found := waiting.MatchString(line); found != (name != "") || found && objectOf(line) != name {
			t.Errorf("%q: %v, of %q", line, found, objectOf(line))
		}
	}
}

// TestHolds tells answers that say that there is something from those that do not.
func TestHolds(t *testing.T) {
	queues := []any{map[string]any{"name": "orders", "messages": 0.0}, map[string]any{"name": "mail", "messages": 7.0}}
	for _, tt := range []struct {
		value any
		of    string
		holds bool
	}{
		{map[string]any{"json": map[string]any{"messages": 3.0}}, "orders", true},
		{map[string]any{"json": map[string]any{"messages": 0.0, "consumers": 2.0}}, "orders", false},
		{map[string]any{"json": queues}, "orders", false},
		{map[string]any{"json": queues}, "mail", true},
		{map[string]any{"stdout": "orders\t42\n", "code": 0.0}, "orders", true},
		{map[string]any{"stdout": "0\n", "code": 0.0}, "orders", false},
		{map[string]any{"json": map[string]any{"orders": map[string]any{"depth": "5"}, "mail": map[string]any{"depth": "0"}}}, "mail", false},
	} {
		if part, _ := partOf(tt.value, tt.of); holds(part) != tt.holds {
			t.Errorf("%v of %s holds something: %v", tt.value, tt.of, !tt.holds)
		}
	}
}

// TestAgreedToLose: people agree to lose what is in something where the question says so.
func TestAgreedToLose(t *testing.T) {
	for title, want := range map[string]bool{
		"delete events.v1?":                         false,
		"delete events.v1 with all messages in it?": true,
		"billing has read events.v1: lag 0, go on?": true,
	} {
		e := effect.Occurrence{Module: effect.ControlModule, Name: "approve", Args: map[string]any{"title": title}}
		if got := agreedToLose(e, "events.v1"); got != want {
			t.Errorf("%q: %v", title, got)
		}
	}
}
