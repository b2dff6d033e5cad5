package effect

import "time"

// Model is a module in the simulated world: a small state machine that does to
// plain data what backends do to real systems. It stands beside the module's
// ops in stdlib. It is deterministic: what it returns depends on its state,
// the moment and the arguments alone.
type Model interface {
	// Load takes a state, as a scenario writes it. Keys that are left out keep
	// what they are. Values may be Funcs where the model says so. The error is
	// a *FieldError.
	Load(state map[string]any) error
	// Do carries one op out. The error is an *Error; the state is unchanged
	// then.
	Do(m Moment, op string, args map[string]any) (any, error)
	// State returns what invariants and scenario functions see of the module,
	// and what changes are told from: plain data, a copy. A member "assumed" is
	// true where it rests on what nobody declared.
	State(m Moment) map[string]any
	// Clone returns an independent copy.
	Clone() Model
}

// Func is a function of a scenario: a value that depends on the world.
type Func func(m Moment) (any, error)

// Moment is when, and in which world, a model acts.
type Moment struct {
	Now   time.Time
	Start time.Time // when the simulation began
	Key   string    // the call's idempotency key; empty in State
	// World returns the state of another module of the world, or nil. It must
	// not be asked for the module that acts.
	World func(module string) map[string]any
	// Dirty says that some effect has changed the simulated world, so that
	// what is read from the real one may no longer fit.
	Dirty bool
}

// Timed is for models that know how long an op takes. The rest takes 20 ms for
// a read and 200 ms for a write.
type Timed interface {
	Takes(op string, args map[string]any) time.Duration
}

// Learner is for models that can be filled by reading the real system, before
// a dry run.
type Learner interface {
	// Needs names the reads that tell what the op depends on, in order; each
	// is made once. A read that cannot be made (no such op at the backend)
	// leaves the state as it is.
	Needs(m Moment, op string, args map[string]any) []Reading
	// Learn takes the value of such a read.
	Learn(r Reading, value any) error
}

// Reading is a read op and its arguments.
type Reading struct {
	Op   string // within the module: "servers"
	Args map[string]any
}

// Assumer is for models that answer also where nobody said what there is.
type Assumer interface {
	// Assumes returns in words what an op's answer takes for granted: "health of
	// green". It is empty where the answer rests on what was declared or read.
	Assumes(op string, args map[string]any) string
}

// Doubter is for models that have learned from real systems what they take to
// be otherwise by the time when it matters.
type Doubter interface {
	// Doubts returns that in words.
	Doubts() []string
}

// Repeater is for models whose State says some things twice, to be read in one
// way or another, so that a change of them is told once.
type Repeater interface {
	// Repeats reports whether what stands at a path of State stands at another
	// one too.
	Repeats(path []string) bool
}
