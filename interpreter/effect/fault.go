package effect

// FaultKind is a way to go wrong that a module's model knows of, beside those
// that can strike any effect (refused, timed out, a runner that is killed).
// Exploring lets it strike at the ops that it names.
type FaultKind struct {
	Name string // as schedules and scenarios write it: "unhealthy"
	Doc  string // what happens, in one sentence without a full stop
	Ops  []string
	// Writes says that it strikes only calls of these ops that may change
	// something.
	Writes bool
	// Answers says that nothing happens by it but that a read is answered
	// otherwise: see Twister. It is tried where the answer can be.
	Answers bool
	// Only names the one invariant that a run struck by it is held against, all if
	// empty: of an answer that need not be possible nothing else can be asked.
	Only string
	// Rare says that it is tried only where somebody asks for it: runs that are
	// right may not stand up to it.
	Rare bool
}

// Breaker is for models of which explore can make a part fail, as the module's
// fault kinds say. It is asked before the op is carried out.
type Breaker interface {
	// Break lets what the op with these arguments looks at be bad from now on,
	// in the way that kind names. It returns the name of the part ("green"), or
	// "" if there is none.
	Break(kind, op string, args map[string]any) string
}

// Mender is for a Breaker whose parts can be well again.
type Mender interface {
	// Mend lets a part that Break returned be as if nothing had been wrong with it.
	// It is called once a rollback has put back what the run had changed.
	Mend(part string)
	// Blames reports whether a change of the run can be why a part turned bad.
	Blames(part string, c Change) bool
}

// Twister is for models that know what else a read could have told, for fault kinds
// that change answers.
type Twister interface {
	// Twist returns the answer that a call of a read op gets by a fault of that kind
	// in the place of value, which it leaves as it is; nil if it cannot be otherwise.
	Twist(kind, op string, args map[string]any, value any) any
}
