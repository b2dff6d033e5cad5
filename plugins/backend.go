// Package plugins is what the author of a backend imports: a Go interface of
// plain structs, and Serve. A backend runs as a process of its own; the engine
// starts it, speaks gRPC with it, and restarts it when it dies. Authors never
// see the wire.
//
//	type lamp struct{ … }
//
//	func (l *lamp) Describe() plugins.Description { … }
//	func (l *lamp) Configure(ctx context.Context, config map[string]any) error { … }
//	func (l *lamp) Invoke(ctx context.Context, req plugins.Request) (any, error) { … }
//	func (l *lamp) Health(ctx context.Context) error { … }
//
//	func main() { plugins.Serve(&lamp{}) }
//
// Further interfaces are optional: Observer for ops whose recovery is "observe",
// Previewer for modules without a model in the simulation, and Examiner.
//
// # What a backend owes
//
//   - An *effect.Error says that the effect did not happen, or happened
//     wholly as far as its code tells. Any doubt is said with the code
//     "unknown": the engine then follows the op's recovery and never repeats a
//     write behind the operator's back. A write that ends in any other kind of
//     error counts as unknown too.
//   - A write is verified before it is reported: read the value back.
//   - A backend writes nothing to its standard output, which go-plugin's
//     handshake owns; standard error goes to the run's log.
//   - ctx ends when the call is canceled or times out. A write that was
//     already sent then is an unknown outcome.
package plugins

import (
	"context"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// Backend carries a module's ops out on a real system. Its methods may be
// called from several goroutines.
type Backend interface {
	// Describe says what the backend is; it is called first and has no side
	// effects.
	Describe() Description
	// Configure hands over the configuration, checked against
	// Description.Config and in canonical form; secrets are plain strings
	// here. It is called once, before any of the methods below.
	Configure(ctx context.Context, config map[string]any) error
	// Invoke carries one op out and returns its value: a table as Op.Returns
	// declares it, of at most effect.MaxResult bytes. Of a write that returns
	// something else nobody knows whether it was applied. The error should be
	// an *effect.Error.
	Invoke(ctx context.Context, req Request) (any, error)
	// Health says whether the system behind the backend can be reached.
	Health(ctx context.Context) error
}

// Observer is for backends that can tell whether an earlier request was
// applied. Without it, ops with recovery "observe" end up asking the operator.
type Observer interface {
	Observe(ctx context.Context, req Request) (Observation, error)
}

// Previewer is for backends that can predict what a request would change.
type Previewer interface {
	Preview(ctx context.Context, req Request) (effect.Prediction, error)
}

// Examiner is for backends that can try beforehand what calls will ask of a
// system that answers: series that a metric is made of, say.
type Examiner interface {
	// Examine returns what is missing, a line each; it changes nothing. The
	// error says why that cannot be told.
	Examine(ctx context.Context) ([]string, error)
}

// Description says what a backend is.
type Description struct {
	Name    string // "haproxy"; as the configuration names it
	Module  string // the module it carries: "traffic"
	Doc     string // one sentence
	Version string
	// Ops are the ops it carries. They have to agree with the module's
	// contract in stdlib, if there is one; a module may be new.
	Ops    []effect.Op
	Config []effect.Field // its configuration keys
}

// Request is one op to carry out.
type Request struct {
	Op      string         // name within the module: "split"
	Args    map[string]any // canonical; secrets are plain strings here
	Key     string         // the same for every attempt at this effect
	Run     string
	Place   string
	Attempt int // 1 for the first
	// Progress shows a line to whoever watches; it is not recorded. It is
	// never nil.
	Progress func(line string)
}

// Observation answers an Observer.
type Observation struct {
	State effect.Observed
	Value any // what Invoke would have returned, if the state is applied
}
