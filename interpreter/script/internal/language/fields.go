package language

import (
	"strings"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// HeaderExample is what a script without a header is shown.
const HeaderExample = `begin the script with runbook { name = "…" }`

// HeaderFields declares the header's keys; params is checked by itself.
func HeaderFields() []effect.Field {
	return []effect.Field{
		{Name: "name", Type: effect.String, Required: true, Min: effect.Bound(1), Doc: "what lists and reports call it"},
		{Name: "summary", Type: effect.String, Doc: "one line on what it is for"},
		{Name: "params", Type: effect.Any, Doc: "its parameters by name"},
		{Name: "locks", Type: effect.List, Elem: &effect.Field{Type: effect.String, Min: effect.Bound(1)},
			Doc: "no other run of the environment that names one of them goes on meanwhile: \"traffic/web\""},
		{Name: "on_failure", Type: effect.Enum, Enum: []string{"rollback", "ask", "stop"}, Default: "rollback",
			Doc: "what happens when the run fails and rollbacks are registered"},
		{Name: "ask", Type: effect.Object, Doc: "how people are asked, with on_failure = \"ask\"", Fields: []effect.Field{
			{Name: "by", Type: effect.List, Min: effect.Bound(1), Elem: &effect.Field{Type: effect.String, Min: effect.Bound(1)}, Doc: "who may decide; anyone if left out"},
			{Name: "timeout", Type: effect.Duration, Doc: "how long the question stands; 7d if left out"},
			{Name: "default", Type: effect.Enum, Enum: []string{"retry", "skip", "rollback", "abort"}, Doc: "what is done once the time is up; abort if left out. Of a rollback that fails, skip"}}},
		{Name: "unplanned", Type: effect.Object, Doc: "how people are asked, with run --plan, about a write that the plan does not show", Fields: []effect.Field{
			{Name: "by", Type: effect.List, Min: effect.Bound(1), Elem: &effect.Field{Type: effect.String, Min: effect.Bound(1)}, Doc: "who may agree, people or roles; anyone if left out"},
			{Name: "count", Type: effect.Int, Min: effect.Bound(1), Doc: "how many have to agree; 1 if left out"},
			{Name: "separate", Type: effect.Bool, Doc: "whether those who started or resumed the run may not answer"},
			{Name: "timeout", Type: effect.Duration, Doc: "how long the question stands; 7d if left out"}}},
		{Name: "accepts", Type: effect.List, Doc: "findings of rehearsals that were looked at and are lived with: they are told, and fail nothing", Elem: &effect.Field{Type: effect.Object, Fields: []effect.Field{
			{Name: "invariant", Type: effect.String, Required: true, Min: effect.Bound(1), Doc: "a module's, as explore prints it"},
			{Name: "about", Type: effect.String, Min: effect.Bound(1), Doc: "what the finding's message says; every finding of the invariant if left out"},
			{Name: "why", Type: effect.String, Required: true, Min: effect.Bound(1), Doc: "what makes it right here, for those who read the runbook"}}}},
		{Name: "recovery_target", Type: effect.Duration, Doc: "how long a recovery may take: reports hold it against this"},
	}
}

// ParamTypes returns the types that a parameter may have.
func ParamTypes() []string {
	return []string{"string", "int", "number", "bool", "duration", "percent", "size", "enum", "list", "secret"}
}

// AttributeFields declares what may be said about a parameter.
func AttributeFields() []effect.Field {
	return []effect.Field{
		{Name: "type", Type: effect.String, Doc: "what its values look like: " + strings.Join(ParamTypes(), ", ")},
		{Name: "doc", Type: effect.String, Doc: "what it means; shown when it is missing, and by run FILE --help"},
		{Name: "required", Type: effect.Bool, Doc: "the run does not start without it"},
		{Name: "default", Type: effect.Any, Doc: "its value where none is given"},
		{Name: "pattern", Type: effect.String, Doc: "a Lua pattern that a string has to match"},
		{Name: "min", Type: effect.Any, Doc: "the smallest number, or the least length of a string or list"},
		{Name: "max", Type: effect.Any, Doc: "the largest number, or the greatest length of a string or list"},
		{Name: "values", Type: effect.List, Min: effect.Bound(1), Elem: &effect.Field{Type: effect.String}, Doc: "the values of an enum"},
		{Name: "of", Type: effect.Any, Doc: "the type of a list's elements"},
	}
}

// RetryFields declares the named arguments of retry{}.
func RetryFields() []effect.Field {
	return []effect.Field{
		{Name: "attempts", Type: effect.Int, Default: 3.0, Min: effect.Bound(1), Doc: "how often it is tried, at most"},
		{Name: "wait", Type: effect.Duration, Default: "1s", Doc: "the first pause"},
		{Name: "backoff", Type: effect.Number, Default: 2.0, Doc: "what each pause is multiplied with for the next; 1 keeps them"},
		{Name: "max_wait", Type: effect.Duration, Default: "1m", Doc: "the longest pause"},
		{Name: "any", Type: effect.Bool, Default: false, Doc: "try again after every error, not only after retryable ones"},
	}
}

// WaitFields declares the named arguments of wait{}; the first is a function.
func WaitFields() []effect.Field {
	return []effect.Field{
		{Name: "until_", Type: effect.Any, Required: true, Doc: "a function; its first result says whether to go on, what follows it why not yet"},
		{Name: "title", Type: effect.String, Doc: "what is waited for, for people"},
		{Name: "every", Type: effect.Duration, Default: "5s", Min: effect.Bound(0.01), Doc: "the pause between two calls"},
		{Name: "timeout", Type: effect.Duration, Required: true, Min: effect.Bound(0), Doc: "how long it may take; the last call is made at its end"},
	}
}

// JSONFields declares the options of json.encode.
func JSONFields() []effect.Field {
	return []effect.Field{
		{Name: "indent", Type: effect.Int, Default: 0.0, Min: effect.Bound(0), Max: effect.Bound(8),
			Doc: "how many spaces deeper each level stands on lines of its own; everything on one line if left out"},
	}
}

// DateFields declares the options of time.date.
func DateFields() []effect.Field {
	return []effect.Field{{Name: "zone", Type: effect.String, Doc: `"Europe/Berlin" or "+02:00"; UTC if left out`}}
}

// ParseFields declares the options of time.parse.
func ParseFields() []effect.Field {
	return append(DateFields(), effect.Field{Name: "format", Type: effect.String, Max: effect.Bound(1000),
		Doc: `what the text looks like, "%d.%m.%Y %H:%M"; if left out, "2026-03-29 03:00", also with seconds, "2026-03-29", or with an offset "2026-03-29T03:00:00+02:00"`})
}

// FormatFields declares the options of time.format.
func FormatFields() []effect.Field {
	return append(DateFields(), effect.Field{Name: "format", Type: effect.String, Max: effect.Bound(1000),
		Doc: `what the text is to look like, "%Y-%m-%d"; if left out, "2026-03-29T03:00:00+02:00"`})
}

// AtFields declares the arguments of time.at.
func AtFields() []effect.Field {
	n := func(name string, value any, doc string) effect.Field {
		return effect.Field{Name: name, Type: effect.Int, Default: value, Required: value == nil, Doc: doc, Min: effect.Bound(-1e6), Max: effect.Bound(1e6)}
	}
	return append([]effect.Field{n("year", nil, "the year"), n("month", 1.0, "the month, 1 to 12; what is beyond carries over"),
		n("day", 1.0, "the day of the month"), n("hour", 0.0, "the hour"), n("min", 0.0, "the minute"), n("sec", 0.0, "the second")}, DateFields()...)
}
