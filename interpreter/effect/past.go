package effect

import "time"

// Rememberer is for models that can take what a finished run met for their
// state, so that another script is rehearsed in the same world ("what if"). The
// other models answer a call with what the same call returned in that run.
type Rememberer interface {
	// Remember is called once, in the state that holds where a scenario says
	// nothing.
	Remember(p Past) error
}

// Past is what the effects of one module came to in a finished run, in the
// order in which they ended.
type Past struct {
	Outcomes []PastOutcome
	// Missing notes in words for what the record has no answer; Again what of
	// the record is told again whatever the other script does. Each is told
	// once, however often it is said, now or while the model is used.
	Missing, Again func(text string)
}

// PastOutcome is what one effect came to.
type PastOutcome struct {
	Op         string // within the module: "measure"
	Args       map[string]any
	Class      Class
	Began, End time.Duration // since the run began
	Value      any
	Err        *Error
}
