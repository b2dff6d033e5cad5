package http

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/lazyregexp"
	"github.com/q-ecosystem/runbook/stdlib/internal/model"
	"github.com/q-ecosystem/runbook/stdlib/internal/plain"
)

// accepted is the status by which a service says that it will do what was asked
// for, and has not yet (RFC 9110, 15.3.3).
const accepted = 202

// created is the one by which it says that it has made something (15.3.2).
const created = 201

// invariants returns what has to hold of every service.
func invariants() []effect.Invariant {
	return []effect.Invariant{
		{Name: "a run that succeeded has seen that what was only accepted was done", End: seenDone},
		{Name: "a request that is sent again says that it is the same", After: sameAgain},
		model.TakenBack("http", requestLine),
		model.RegisteredInTime("http", requestLine),
		model.StartedLast("http", requestLine),
		{Name: "what is deleted is what was looked at", End: othersDeleted},
		model.Emptied("http", requestName),
		model.PaidOnce("http", requestLine),
		{Name: "a rollback puts back what was read", Doc: "a PUT or PATCH of a rollback gives no member another value than the GET of the same address told before the run changed it", End: otherPutBack},
	}
}

// seenDone finds runs that succeed although nothing came of what a service had
// accepted: nobody would know. Who read something again until it said what it says
// usually has looked; who read it for longer than usual, and was told something else
// to the end, has waited in vain.
func seenDone(v *effect.View, end effect.Ending) string {
	lost := plain.Table(v.State("http"), "dropped")
	if end.Status != effect.StatusSucceeded || len(lost) == 0 {
		return ""
	}
	var asked *effect.Occurrence
	for _, e := range v.Past() {
		switch {
		case e.Module == "http" && lost[requestName(e.Args)] == true && e.Class.Writes():
			asked = &e
		case asked != nil && e.Class == effect.Read && again(v.Past(), e) && !inVain(v, e, end):
			return ""
		}
	}
	if asked == nil {
		return ""
	}
	return fmt.Sprintf("%s (%s) was answered 202, nothing came of it, and the run succeeded all the same: ask in a loop until it says that it is done, and fail when it does not",
		asked, requestName(asked.Args))
}

// inVain reports whether the line of a read was told something else in the end than
// usually, was asked more often, and nobody was warned of it.
func inVain(v *effect.View, read effect.Occurrence, end effect.Ending) bool {
	count := func(list []effect.Occurrence) (n int, last any) {
		for _, e := range list {
			if e.SameCall(read) {
				n, last = n+1, e.Value
			}
		}
		return n, last
	}
	n, is := count(v.Past())
	usually, was := count(v.Usual)
	return usually > 0 && n > usually && !reflect.DeepEqual(is, was) && slices.Equal(v.UsualLog, effect.LogOf(end.Events))
}

// again reports whether a read was made before, at another time.
func again(past []effect.Occurrence, e effect.Occurrence) bool {
	for _, p := range past {
		if p.Place != e.Place && p.Module == e.Module && p.Name == e.Name && p.At.Before(e.At) && reflect.DeepEqual(p.Args, e.Args) {
			return true
		}
	}
	return false
}

// sameAgain finds requests that are sent twice without anything by which the
// service could know it. Those of which a scenario says that a second one changes
// nothing are none; that one is answered alike does not say so, and one that is answered
// 201 has made something each time (RFC 9110, 15.3.2). A cache that forgets twice is none.
func sameAgain(v *effect.View, e effect.Occurrence) string {
	if e.Module != "http" || !e.Again || recognizable(e.Args) || keyed(e.Args["json"]) || model.Forgets(requestLine(e.Args)) {
		return ""
	}
	if !e.Opaque && len(e.Changes) == 0 && !(made(e) && !slices.ContainsFunc(v.Past(), func(p effect.Occurrence) bool {
		return p.Module == "http" && len(p.Changes) > 0 && reflect.DeepEqual(p.Args, e.Args)
	})) {
		return ""
	}
	if method := plain.Str(e.Args, "method"); method != "POST" && (method != "PATCH" || sets(e.Args["json"])) {
		return ""
	}
	return fmt.Sprintf("%s (%s) was sent twice, and the service cannot know: give it key_header = \"Idempotency-Key\", or recovery = \"ask\"",
		e, requestName(e.Args))
}

// made reports whether a service says that a request has made something.
func made(e effect.Occurrence) bool {
	value, _ := e.Value.(map[string]any)
	return value["status"] == float64(created)
}

// keyed reports whether what a request carries has a member by which services know a
// repetition, of a name that says so.
func keyed(body any) bool {
	members, _ := body.(map[string]any)
	for name, v := range members {
		if text, ok := v.(string); ok && text != "" && keys.MatchString(name) {
			return true
		}
	}
	return false
}

// keys matches names of members that services take for the key of a request.
var keys = lazyregexp.New(`(?i)^(idempotency[-_]?key|idempotence[-_]?key|client[-_]?(request[-_]?)?token|(client[-_]?)?request[-_]?id|dedup(lication)?[-_]?(key|id)|(end[-_]?to[-_]?end|transaction|external)[-_]?id|event[-_]?id)$`)

// sets reports whether a patch says what is to be, member by member (RFC 7396), by
// words and yes or no: sent again, it changes nothing.
func sets(patch any) bool {
	members, ok := patch.(map[string]any)
	for name, v := range members {
		switch v := v.(type) {
		case bool:
		case string:
			ok = ok && !acts.MatchString(name) && !acts.MatchString(v)
		default:
			ok = ok && sets(v)
		}
	}
	return ok && len(members) > 0
}

// acts matches what reads as an order rather than a state.
var acts = lazyregexp.New(`(?i)^(op|action|command|add|append|inc\w*|dec\w*|remove|toggle|rotate|run|start|stop|restart)$`)

// recognizable reports whether a request carries something by which the service
// knows a repetition.
func recognizable(args map[string]any) bool {
	if plain.Str(args, "key_header") != "" {
		return true
	}
	for name := range plain.Table(args, "headers") {
		if strings.Contains(strings.ToLower(name), "idempotency") || strings.EqualFold(name, "If-Match") {
			return true
		}
	}
	return false
}

// requestLine is all that a request says.
func requestLine(args map[string]any) string {
	line := requestName(args) + " " + plain.Str(args, "body")
	if body, said := args["json"]; said {
		line += plain.Text(body)
	}
	return line
}
