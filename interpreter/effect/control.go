package effect

// ControlModule is the module of the effects that the engine itself carries
// out. Scripts reach them as globals: sleep, now, approve, step.
const ControlModule = "run"

// Names of the control ops.
const (
	OpNow        = "run.now"
	OpRandom     = "run.random"
	OpUUID       = "run.uuid"
	OpEnv        = "run.env"
	OpCalendar   = "run.calendar"
	OpSleep      = "run.sleep"
	OpApprove    = "run.approve"
	OpChecklist  = "run.checklist"
	OpChoose     = "run.choose"
	OpStep       = "run.step"
	OpStepLeft   = "run.step_left"
	OpParallel   = "run.parallel"
	OpBranchLeft = "run.branch_left"
	OpCheckpoint = "run.checkpoint"
	OpRegistered = "run.on_rollback"
	OpLog        = "run.log"
	OpGate       = "run.gate"
)

// Control returns the declarations of the engine's own ops.
func Control() Module {
	text := func(name, doc string) Field { return Field{Name: name, Type: String, Doc: doc} }
	op := func(name, doc string, class Class, recovery Recovery, args ...Field) Op {
		return Op{Module: ControlModule, Name: name, Doc: doc, Class: class, Recovery: recovery, Args: args}
	}
	sleep := op("sleep", "Wait; a resume waits for what is left", Write, Retry, sleepFields()...)
	sleep.Validate = validateSleep
	by := Field{Name: "by", Type: List, Elem: &Field{Type: String}, Doc: "who may answer, people or roles; anyone if left out"}
	checklist := op("checklist", "Ask people to go through a list; go on once each item is answered and none has failed", Write, Retry,
		Field{Name: "title", Type: String, Required: true, Min: Bound(1), Doc: "what the list is for"},
		Field{Name: "items", Type: List, Required: true, Max: Bound(maxItems), Elem: &Field{Type: Any},
			Doc: "what is to be looked at: texts, or { text = \"…\", detail = \"…\", evidence = true }, which wants a file named with the answer"},
		by, Field{Name: "separate", Type: Bool, Doc: "whether those who started or resumed the run may not answer"},
		Field{Name: "timeout", Type: Duration, Default: "7d", Doc: "how long the list stands"},
		text("detail", "what the people asked should know"))
	checklist.Validate = validateItems
	return Module{Name: ControlModule, Doc: "What the engine itself carries out.", Ops: []Op{
		op("now", "Return the time in seconds since 1970, UTC", Value, ""),
		op("random", "Return a number from 0 (included) to 1 (excluded)", Value, ""),
		op("uuid", "Return a new random UUID", Value, ""),
		op("env", "Return an environment variable of the runner, or nil", Value, "",
			Field{Name: "name", Type: String, Required: true, Doc: "the variable"}),
		op("calendar", "Look whether a calendar of the configuration lets changes be made", Value, "",
			Field{Name: "name", Type: String, Required: true, Min: Bound(1), Doc: "the calendar"},
			Field{Name: "at", Type: Number, Required: true, Doc: "when, in seconds since 1970"},
			Field{Name: "needs", Type: Duration, Doc: "how long it has to stay open from then on"}),
		sleep,
		op("approve", "Ask people; go on once enough of them agree", Write, Retry,
			Field{Name: "title", Type: String, Required: true, Doc: "the question"},
			Field{Name: "by", Type: List, Elem: &Field{Type: String}, Doc: "who may answer, people or roles; anyone if left out"},
			Field{Name: "count", Type: Int, Default: 1.0, Min: Bound(1), Doc: "how many have to agree"},
			Field{Name: "separate", Type: Bool, Doc: "whether those who started or resumed the run may not answer"},
			Field{Name: "timeout", Type: Duration, Default: "7d", Doc: "how long the question stands"},
			text("detail", "what the people asked should know")),
		checklist,
		op("choose", "Ask people what is to be done", Write, Retry,
			Field{Name: "title", Type: String, Required: true, Doc: "the question"},
			Field{Name: "choices", Type: List, Required: true, Min: Bound(1), Elem: &Field{Type: String}, Doc: "what may be chosen"},
			Field{Name: "default", Type: String, Doc: "what is done once the time is up; an error if left out"},
			by, Field{Name: "timeout", Type: Duration, Default: "7d", Doc: "how long the question stands"},
			text("detail", "what the people asked should know")),
		op("step", "Enter a step", Mark, "", text("name", "")),
		op("step_left", "Leave a step", Mark, "", text("name", ""), text("error", "")),
		op("parallel", "Start parallel branches", Mark, "",
			Field{Name: "branches", Type: List, Elem: &Field{Type: String}, Doc: "their places"},
			Field{Name: "fail_fast", Type: Bool, Doc: "whether the failure of one stops the others"},
			Field{Name: "limit", Type: Int, Doc: "how many are at work at once; 0: all"}),
		op("branch_left", "Leave a parallel branch", Mark, "", text("name", ""), text("error", ""),
			Field{Name: "stopped", Type: Bool, Doc: "whether the failure of one beside it has stopped it"}, text("wait", "the place of the wait that this ended"),
			Field{Name: "exhausted", Type: Bool, Doc: "whether it took more than a script may"}),
		op("checkpoint", "Mark a place to fork from", Mark, "", text("name", "")),
		op("on_rollback", "Register a rollback", Mark, ""),
		op("log", "Write to the run's log", Mark, "", text("level", ""), text("text", ""),
			Field{Name: "fields", Type: Map, Elem: &Field{Type: Any}}),
		op("gate", "Record a gate's measurement beside its thresholds", Mark, "",
			Field{Name: "values", Type: Any}),
	}}
}
