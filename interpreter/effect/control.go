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
	OpSleep      = "run.sleep"
	OpApprove    = "run.approve"
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
	return Module{Name: ControlModule, Doc: "What the engine itself carries out.", Ops: []Op{
		op("now", "Return the time in seconds since 1970, UTC", Value, ""),
		op("random", "Return a number from 0 (included) to 1 (excluded)", Value, ""),
		op("uuid", "Return a new random UUID", Value, ""),
		op("env", "Return an environment variable of the runner, or nil", Value, "",
			Field{Name: "name", Type: String, Required: true, Doc: "the variable"}),
		op("sleep", "Wait; a resume waits for what is left", Write, Retry,
			Field{Name: "duration", Type: Duration, Required: true, Doc: "how long"},
			text("reason", "shown while waiting")),
		op("approve", "Ask people; go on once enough of them agree", Write, Retry,
			Field{Name: "title", Type: String, Required: true, Doc: "the question"},
			Field{Name: "by", Type: List, Elem: &Field{Type: String}, Doc: "who may answer; anyone if empty"},
			Field{Name: "count", Type: Int, Default: 1.0, Min: Bound(1), Doc: "how many have to agree"},
			Field{Name: "timeout", Type: Duration, Default: "7d", Doc: "how long the question stands"},
			text("detail", "what the people asked should know")),
		op("step", "Enter a step", Mark, "", text("name", "")),
		op("step_left", "Leave a step", Mark, "", text("name", ""), text("error", "")),
		op("parallel", "Start parallel branches", Mark, "",
			Field{Name: "names", Type: List, Elem: &Field{Type: String}}),
		op("branch_left", "Leave a parallel branch", Mark, "", text("name", ""), text("error", "")),
		op("checkpoint", "Mark a place to fork from", Mark, "", text("name", "")),
		op("on_rollback", "Register a rollback", Mark, ""),
		op("log", "Write to the run's log", Mark, "", text("level", ""), text("text", ""),
			Field{Name: "fields", Type: Map, Elem: &Field{Type: Any}}),
		op("gate", "Record a gate's measurement beside its thresholds", Mark, "",
			Field{Name: "values", Type: Any}),
	}}
}
