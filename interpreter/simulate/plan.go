package simulate

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// PlanVersion is the version of the form in which plans are written. Another
// one is refused.
const PlanVersion = 1

// Plan is what a rehearsal, or the record of a run, says that a run does:
// effect by effect, in the order in which they begin. Equal plans are equal
// bytes. Secrets stand in it by their names alone.
type Plan struct {
	Version int    `json:"version"`
	Runbook string `json:"runbook"`
	Script  string `json:"script"` // the main file's name
	// Sources holds the SHA-256 of every file that the run is made from, in
	// hex, by the file's name.
	Sources map[string]string `json:"sources,omitempty"`
	Params  json.RawMessage   `json:"params,omitempty"` // canonical
	Env     string            `json:"env,omitempty"`
	Start   time.Time         `json:"start"`
	Took    float64           `json:"took"` // seconds from the start to the end
	Status  effect.Status     `json:"status"`
	Error   *effect.Error     `json:"error,omitempty"`
	// RollbackAt is when the rollback began, in seconds since the start; nil
	// without one.
	RollbackAt *float64   `json:"rollback_at,omitempty"`
	Effects    []Planned  `json:"effects"`
	Touches    []Touched  `json:"touches"`
	Approvals  []Approval `json:"approvals"`
	Assumed    []string   `json:"assumed"`          // what nobody said, in words
	Unread     []Unread   `json:"unread,omitempty"` // reads of real systems that failed
	Broken     []Broken   `json:"broken,omitempty"`
	Accepted   []Broken   `json:"accepted,omitempty"`
}

// Planned is one effect of a plan.
type Planned struct {
	Place   effect.Place        `json:"place"`
	At      float64             `json:"at"`   // when it begins, in seconds since the start
	Took    float64             `json:"took"` // seconds
	Op      string              `json:"op"`
	Class   effect.Class        `json:"class"`
	Args    json.RawMessage     `json:"args"` // canonical
	Step    []string            `json:"step,omitempty"`
	Where   effect.Position     `json:"where,omitzero"`
	Changes []effect.Prediction `json:"changes,omitempty"`
	Fact    Fact                `json:"fact,omitempty"`
	Error   *effect.Error       `json:"error,omitempty"`
	Fault   Kind                `json:"fault,omitempty"`
}

// Touched is a module whose system the run changes.
type Touched struct {
	Module  string   `json:"module"`
	Backend string   `json:"backend,omitempty"` // empty: none is configured
	Ops     []string `json:"ops"`
	Targets []string `json:"targets,omitempty"` // parts of its state that change
}

// Approval is a question that the run asks.
type Approval struct {
	Title   string   `json:"title"`
	By      []string `json:"by,omitempty"` // anyone if empty
	Count   int      `json:"count"`
	Timeout float64  `json:"timeout"` // seconds
	At      float64  `json:"at"`      // seconds since the start
}

// Unread is a read of a real system that failed, so that the world went on
// without knowing.
type Unread struct {
	Op    string `json:"op"`
	Error string `json:"error"`
}

// Broken is an invariant that did not hold. One that is accepted says why.
type Broken struct {
	Invariant string       `json:"invariant"`
	Message   string       `json:"message,omitempty"`
	Place     effect.Place `json:"place,omitempty"`
	Why       string       `json:"why,omitempty"`
}

// NewBroken tells violations as plans do.
func (s *Setup) NewBroken(list []Violation) []Broken {
	var told []Broken
	for _, v := range list {
		b := Broken{Invariant: v.Invariant, Message: v.Message, Place: v.Place}
		if i := s.accepts(v); i >= 0 {
			b.Why = s.Accepts[i].Why
		}
		told = append(told, b)
	}
	return told
}

// Encode returns the plan as it is kept in a file.
func (p *Plan) Encode() ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(p); err != nil {
		return nil, fmt.Errorf("encode plan: %w", err)
	}
	return b.Bytes(), nil
}

// DecodePlan reads what Encode wrote.
func DecodePlan(data []byte) (*Plan, error) {
	var head struct {
		Version *int `json:"version"`
	}
	if err := json.Unmarshal(data, &head); err != nil {
		return nil, fmt.Errorf("read plan: it is not JSON: %w", err)
	}
	switch {
	case head.Version == nil:
		return nil, errors.New("read plan: it has no version: it is not a plan, which run --dry-run --out PLAN writes")
	case *head.Version != PlanVersion:
		return nil, fmt.Errorf("read plan: it is of version %d, this program reads version %d: make it again", *head.Version, PlanVersion)
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	p := &Plan{}
	if err := dec.Decode(p); err != nil {
		return nil, fmt.Errorf("read plan: %w", err)
	}
	// The file is indented; canonical JSON is not, and is what args are
	// compared as.
	for i := range p.Effects {
		args, err := compact(p.Effects[i].Args)
		if err != nil {
			return nil, fmt.Errorf("read plan: effect %s: %w", p.Effects[i].Place, err)
		}
		p.Effects[i].Args = args
	}
	params, err := compact(p.Params)
	if err != nil {
		return nil, fmt.Errorf("read plan: the parameters: %w", err)
	}
	p.Params = params
	return p, nil
}

func compact(raw json.RawMessage) (json.RawMessage, error) {
	if len(raw) == 0 {
		return raw, nil
	}
	var b bytes.Buffer
	if err := json.Compact(&b, raw); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// nameless digests secrets in a plan: their names say enough to compare, and
// nothing of their values leaves the process.
func nameless(effect.Secret) string { return "" }

// EncodeByName returns a value as a plan holds it: canonical, secrets by name.
func EncodeByName(v any) (json.RawMessage, error) { return effect.Encode(v, nameless) }

// withoutDigests takes the digests of secrets out of recorded arguments.
func withoutDigests(raw json.RawMessage) json.RawMessage {
	if !bytes.Contains(raw, []byte(`"$secret"`)) {
		return raw
	}
	v, err := effect.Decode(raw)
	if err != nil {
		return raw
	}
	out, err := EncodeByName(bareNames(v))
	if err != nil {
		return raw
	}
	return out
}

func bareNames(v any) any {
	switch v := v.(type) {
	case effect.SecretDigest:
		return effect.SecretDigest{Name: v.Name}
	case []any:
		for i := range v {
			v[i] = bareNames(v[i])
		}
	case map[string]any:
		for k := range v {
			v[k] = bareNames(v[k])
		}
	}
	return v
}
