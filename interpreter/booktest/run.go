package booktest

import (
	"fmt"
	"strconv"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/history"
	"github.com/q-ecosystem/runbook/interpreter/rehearse"
	"github.com/q-ecosystem/runbook/interpreter/simulate"
)

// handle is the key by which the tables of runs and explorations are known
// again.
const handle = "id"

// run is one simulated run.
type run struct {
	situation *situation
	where     effect.Position // of book.simulate
	ending    simulate.Ending
	broken    []simulate.Violation
	plan      *simulate.Plan
	world     map[string]any
}

func newRun(st *situation, res *rehearse.Result) *run {
	return &run{situation: st, ending: res.Ending, broken: res.Broken, plan: simulate.NewPlan(res.Ending.Events, res.World.Entries()), world: res.World.State()}
}

// table is what book.simulate returns.
func (r *run) table(n int) map[string]any {
	t := map[string]any{handle: "run " + strconv.Itoa(n), "status": string(r.ending.Status), "took": r.plan.Took, "world": r.world}
	if r.ending.Err != nil && r.ending.Status != effect.StatusSucceeded {
		t["error"] = r.ending.Err.Error()
	}
	if at := r.plan.RollbackAt; at != nil {
		t["recovery"] = r.plan.Took - *at
	}
	effects, broken, log, steps := []any{}, []any{}, []any{}, []any{}
	for i := range r.plan.Effects {
		effects = append(effects, effectTable(&r.plan.Effects[i]))
	}
	for _, v := range r.broken {
		broken = append(broken, violationTable(v))
	}
	for _, ev := range r.ending.Events {
		if ev.Kind == effect.Logged {
			log = append(log, map[string]any{"level": ev.Body.Name, "text": ev.Body.Text})
		}
	}
	h := history.Of(r.ending.Events)
	for _, name := range h.Steps.All() {
		steps = append(steps, name)
	}
	t["effects"], t["broken"], t["log"], t["steps"] = effects, broken, log, steps
	return t
}

// effectTable is an effect as a test sees it.
func effectTable(p *simulate.Planned) map[string]any {
	t := map[string]any{"op": p.Op, "args": arguments(p), "at": p.At, "took": p.Took, "place": string(p.Place), "class": string(p.Class),
		"where": p.Where.String()}
	if p.Error != nil {
		t["error"] = map[string]any{"code": string(p.Error.Code), "message": p.Error.Message}
	}
	if p.Fault != "" {
		t["fault"] = string(p.Fault)
	}
	if len(p.Step) > 0 {
		t["step"] = p.Step[len(p.Step)-1]
	}
	changes := []any{}
	for _, c := range p.Changes {
		changes = append(changes, map[string]any{"target": c.Target, "from": c.From, "to": c.To})
	}
	t["changes"] = changes
	return t
}

// arguments returns an effect's arguments as plain data.
func arguments(p *simulate.Planned) map[string]any {
	v, err := effect.Decode(p.Args)
	args, _ := v.(map[string]any)
	if err != nil || args == nil {
		return map[string]any{}
	}
	return args
}

func violationTable(v simulate.Violation) map[string]any {
	return map[string]any{"invariant": v.Invariant, "message": v.Message, "place": string(v.Place)}
}

// name says which run it is, for a failure.
func (r *run) name() string {
	text := fmt.Sprintf("the run of %s simulated at %s", r.situation.book.main.Name, r.where)
	if len(r.situation.schedule) > 0 {
		text += ", with the faults " + r.situation.schedule.String()
	}
	return text
}

// exploration is what book.explore found.
type exploration struct {
	situation *situation
	where     effect.Position
	found     *simulate.Explored
	bounded   bool // the test itself said how many schedules are enough
}

// table is what book.explore returns.
func (x *exploration) table(n int) map[string]any {
	failures := []any{}
	for i := range x.found.Failures {
		trial := &x.found.Failures[i]
		broken := []any{}
		for _, v := range trial.Broken {
			broken = append(broken, violationTable(v))
		}
		failures = append(failures, map[string]any{"schedule": trial.Schedule.String(), "status": string(trial.Ending.Status), "broken": broken})
	}
	outcomes := map[string]any{}
	for name, count := range x.found.Outcomes {
		outcomes[name] = float64(count)
	}
	return map[string]any{handle: "exploration " + strconv.Itoa(n), "schedules": float64(x.found.Schedules), "broken": float64(x.found.Broken),
		"outcomes": outcomes, "failures": failures, "worst_recovery": x.found.Worst.Recovery.Round(time.Millisecond).Seconds(), "truncated": x.found.Left.Why != ""}
}

// failuresOf words the invariants that explored schedules broke, and that some
// were not explored though nobody said that the rest is enough.
func (x *exploration) failuresOf(at effect.Position) []Failure {
	var out []Failure
	if left := x.found.Left; left.Why != "" && !(x.bounded && left.Why == "limit") {
		out = append(out, Failure{Where: at, Message: fmt.Sprintf("%d schedules were explored, and %s", x.found.Schedules, left),
			Hint: "give a scenario with fewer effects, or say how many are enough: limit = 1000"})
	}
	for i := range x.found.Failures {
		trial := &x.found.Failures[i]
		for _, v := range trial.Broken {
			f := Failure{Where: at, Message: fmt.Sprintf("with the faults %s: %s", trial.Schedule, broken(v)),
				Hint:    fmt.Sprintf("look at it alone: book.simulate { schedule = %q } with the same world", trial.Schedule),
				RunName: fmt.Sprintf("the run of %s with the faults %s", x.situation.book.main.Name, trial.Schedule),
				Run:     timeline(simulate.NewPlan(trial.Ending.Events, trial.Entries), trial.Ending)}
			out = append(out, f)
		}
	}
	return out
}

// broken words a violation.
func broken(v simulate.Violation) string {
	text := fmt.Sprintf("broken: %s", v.Invariant)
	if v.Message != "" {
		text += ": " + v.Message
	}
	if v.Place != "" {
		text += " (after effect " + string(v.Place) + ")"
	}
	return text
}

// find returns the run or the exploration that a table stands for.
func (r *running) find(v any) (*run, *exploration) {
	table, ok := v.(map[string]any)
	if !ok {
		return nil, nil
	}
	id, _ := table[handle].(string)
	var n int
	if _, err := fmt.Sscanf(id, "run %d", &n); err == nil && n >= 1 && n <= len(r.runs) {
		return r.runs[n-1], nil
	}
	if _, err := fmt.Sscanf(id, "exploration %d", &n); err == nil && n >= 1 && n <= len(r.explored) {
		return nil, r.explored[n-1]
	}
	return nil, nil
}
