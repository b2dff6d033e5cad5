package effect

import (
	"fmt"
	"maps"
	"slices"
	"time"
)

// Class says what an effect may do to the world. The zero value counts as
// Irreversible: what is not declared is assumed to be the worst.
type Class string

const (
	// Read changes nothing; it may be repeated freely.
	Read Class = "read"
	// Write changes a system in a way that another effect can change back.
	Write Class = "write"
	// Irreversible cannot be taken back: a message sent, data destroyed.
	Irreversible Class = "irreversible"
	// Value draws from the run's own surroundings (the time, a random
	// number). It is recorded with the next commit, before anything that may
	// depend on it leaves the process. Only the engine's own ops have it.
	Value Class = "value"
	// Mark leaves a note in the journal (a step entered, a line logged) and
	// has no outcome. Only the engine's own ops have it.
	Mark Class = "mark"
)

// Writes reports whether an effect of the class may change a system, so that
// its intent has to be on disk before it starts.
func (c Class) Writes() bool { return c != Read && c != Value && c != Mark }

// Recovery says what to do about an effect whose intent is recorded and whose
// outcome is not. The zero value counts as Ask.
type Recovery string

const (
	// Retry sends the same call with the same key again: the op is idempotent.
	Retry Recovery = "retry"
	// Observe asks the backend whether the call was applied, and sends it
	// (again) only when it certainly was not.
	Observe Recovery = "observe"
	// Ask parks the run until an operator says what happened.
	Ask Recovery = "ask"
	// Forgo never repeats and never asks: the run goes on with the outcome
	// recorded as unknown. It is for messages, where a second copy or a
	// parked recovery is worse than a missing line.
	Forgo Recovery = "forgo"
)

// Op declares an effect. It is plain data, Validate aside, so that it can be
// sent by a plugin, printed as documentation and checked against a contract.
type Op struct {
	Module string `json:"module"`
	Name   string `json:"name"`
	// Doc is one sentence in the imperative, without a full stop.
	Doc     string  `json:"doc"`
	Args    []Field `json:"args,omitempty"`
	Returns []Field `json:"returns,omitempty"`
	// Rest, if set, admits arguments beyond Args, each of this shape: the
	// server names of traffic.split.
	Rest     *Field   `json:"rest,omitempty"`
	Class    Class    `json:"class,omitempty"`
	Recovery Recovery `json:"recovery,omitempty"`
	// Timeout bounds one invocation unless the call has an argument "timeout",
	// "window" or "during" of type duration, which then counts. Zero means
	// DefaultTimeout.
	Timeout time.Duration `json:"timeout,omitempty"`
	// ClassArg and RecoveryArg name arguments by which the caller states the
	// class and the recovery of this one call (exec.run). A missing argument
	// leaves Class and Recovery as declared.
	ClassArg    string `json:"class_arg,omitempty"`
	RecoveryArg string `json:"recovery_arg,omitempty"`
	// EffectsArg names an argument, a list of texts, in which the caller may say
	// what the call sets in the simulated world: see ParseDeclared.
	EffectsArg string `json:"effects_arg,omitempty"`
	// KindArg names an argument whose value decides class and recovery where
	// the caller does not state them (the method of http.request): ClassOf and
	// RecoveryOf say how, by value. A value that is not listed leaves Class and
	// Recovery as declared; a class that is stated leaves Recovery too.
	KindArg    string              `json:"kind_arg,omitempty"`
	ClassOf    map[string]Class    `json:"class_of,omitempty"`
	RecoveryOf map[string]Recovery `json:"recovery_of,omitempty"`
	// Recall names results that are arguments as well: given them as they were
	// returned, the op returns what it returned then. A resume asks so for secrets
	// that are others by now.
	Recall []string `json:"recall,omitempty"`
	// RaisesUnknown says that an outcome which stays unknown after the last try of
	// a Retry is an error, of the code unknown, and does not park the run: who
	// calls for help has to go on to the next one.
	RaisesUnknown bool `json:"raises_unknown,omitempty"`
	// Gate says what the op is to a composite that writes gates' marks (OpGate):
	// inside one it is printed by the mark.
	Gate GateRole `json:"gate,omitempty"`
	// Answers says that the answer is all that a call is for: it fails on nothing
	// that it sees, so that a call of which nobody looks at the answer does nothing.
	Answers bool `json:"answers,omitempty"`
	// Judges says that the op is there to fail where what it sees is not as it
	// should be, so that a call of which nobody hears that it failed does nothing.
	Judges bool `json:"judges,omitempty"`
	// Validate checks what no single field can say (weights that sum to 100).
	// It sees canonical arguments; it may be nil and is not sent to plugins.
	Validate func(args map[string]any) error `json:"-"`
}

// GateRole says what an op is to a gate; "" for nothing.
type GateRole string

const (
	// GateMeasures is an op that a mark rests on.
	GateMeasures GateRole = "measures"
	// GateLooks is one whose answer stands in the mark beside that.
	GateLooks GateRole = "looks"
)

// DefaultTimeout bounds an invocation whose op and call set no timeout.
const DefaultTimeout = 30 * time.Second

// timeoutMargin is left to a backend to report a timeout of its own, which
// says more than a call that is cut off.
const timeoutMargin = 5 * time.Second

// String returns the op as scripts write it: "traffic.split".
func (o *Op) String() string { return o.Module + "." + o.Name }

// ReturnsSecrets reports whether some field of what the op returns is a secret.
func (o *Op) ReturnsSecrets() bool {
	return slices.ContainsFunc(o.Returns, func(f Field) bool { return f.Secret })
}

// ClassFor returns the class of a call with these canonical arguments.
func (o *Op) ClassFor(args map[string]any) Class {
	if s, ok := args[o.ClassArg].(string); ok && o.ClassArg != "" {
		return Class(s)
	}
	if s, ok := args[o.KindArg].(string); ok && o.ClassOf[s] != "" {
		return o.ClassOf[s]
	}
	if o.Class == "" {
		return Irreversible
	}
	return o.Class
}

// ReadsOnly reports whether no call of the op changes anything.
func (o *Op) ReadsOnly() bool {
	return o.Class == Read && o.ClassArg == "" && o.KindArg == ""
}

// RecoveryFor returns the recovery of a call with these canonical arguments.
func (o *Op) RecoveryFor(args map[string]any) Recovery {
	if s, ok := args[o.RecoveryArg].(string); ok && o.RecoveryArg != "" {
		return Recovery(s)
	}
	// Who states the class knows better than the kind what the call does.
	_, stated := args[o.ClassArg].(string)
	if s, ok := args[o.KindArg].(string); ok && !stated && o.RecoveryOf[s] != "" {
		return o.RecoveryOf[s]
	}
	if o.Recovery == "" {
		return Ask
	}
	return o.Recovery
}

// TimeoutFor returns how long the host waits for one invocation.
func (o *Op) TimeoutFor(args map[string]any) time.Duration {
	for _, name := range []string{"timeout", "window", "during"} {
		for _, f := range o.Args {
			if f.Name != name || f.Type != Duration {
				continue
			}
			if s, ok := args[name].(float64); ok {
				return Seconds(s) + timeoutMargin
			}
		}
	}
	if o.Timeout > 0 {
		return o.Timeout
	}
	return DefaultTimeout
}

// Check verifies args against the declaration and returns them in canonical
// form, defaults filled in. The error is a *FieldError.
func (o *Op) Check(args map[string]any) (map[string]any, error) {
	out, err := CheckFields(o.Args, o.Rest, args)
	if err != nil {
		return nil, err
	}
	if o.Validate != nil {
		if err := o.Validate(out); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// Verify reports what is wrong with the declaration itself; plugin ops pass
// through it before they are believed.
func (o *Op) Verify() error {
	if !validName(o.Module) || !validName(o.Name) {
		return fmt.Errorf("op %q: module and name must be lower-case words of letters, digits and _", o)
	}
	classes, recoveries := []Class{o.Class}, []Recovery{o.Recovery}
	for _, kind := range slices.Sorted(maps.Keys(o.ClassOf)) {
		classes = append(classes, o.ClassOf[kind])
	}
	for _, kind := range slices.Sorted(maps.Keys(o.RecoveryOf)) {
		recoveries = append(recoveries, o.RecoveryOf[kind])
	}
	for _, c := range classes {
		if !slices.Contains([]Class{"", Read, Write, Irreversible}, c) {
			return fmt.Errorf("op %s: unknown class %q", o, c)
		}
	}
	for _, r := range recoveries {
		if !slices.Contains([]Recovery{"", Retry, Observe, Ask, Forgo}, r) {
			return fmt.Errorf("op %s: unknown recovery %q", o, r)
		}
	}
	fields := slices.Concat(o.Args, o.Returns)
	if o.Rest != nil {
		fields = append(fields, *o.Rest)
	}
	for _, f := range fields {
		if err := f.verify(); err != nil {
			return fmt.Errorf("op %s: %w", o, err)
		}
	}
	for _, name := range o.Recall {
		named := func(f Field) bool { return f.Name == name }
		if !slices.ContainsFunc(o.Args, named) || !slices.ContainsFunc(o.Returns, named) {
			return fmt.Errorf("op %s: recall names %q, which has to be an argument and a result", o, name)
		}
	}
	if err := o.verifyStated(o.ClassArg, string(Read), string(Write), string(Irreversible)); err != nil {
		return err
	}
	return o.verifyStated(o.RecoveryArg, string(Retry), string(Observe), string(Ask), string(Forgo))
}

// verifyStated reports whether the caller could state something else by an
// argument than one of words: a class of the engine's own would keep the call
// from being recorded.
func (o *Op) verifyStated(arg string, words ...string) error {
	if arg == "" {
		return nil
	}
	for _, f := range o.Args {
		if f.Name != arg {
			continue
		}
		for _, e := range f.Enum {
			if !slices.Contains(words, e) {
				return fmt.Errorf("op %s: the argument %s may not be %q, only %s", o, arg, e, quoteAll(words))
			}
		}
		if f.Type == Enum {
			return nil
		}
	}
	return fmt.Errorf("op %s: the argument %s has to be an enum of %s", o, arg, quoteAll(words))
}

func validName(s string) bool {
	for i, r := range s {
		letter := r >= 'a' && r <= 'z' || r == '_'
		if !letter && (i == 0 || r < '0' || r > '9') {
			return false
		}
	}
	return s != ""
}
