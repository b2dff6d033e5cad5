package simulate

import (
	"fmt"
	"math"
	"sort"
	"strings"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// Violation is an invariant that did not hold.
type Violation struct {
	Invariant string
	Message   string
	Place     string // the effect after which it did not hold; empty at the end
	At        time.Time
}

// Invariant is something that has to hold whatever fails.
type Invariant struct {
	Name string
	// After is asked after each effect; an empty text means that it holds. It
	// may be nil.
	After func(v *View, e Entry) string
	// End is asked when the run has ended. It may be nil.
	End func(v *View, r Ending) string
}

// View is what an invariant sees.
type View struct {
	Start map[string]any                     // the state in the beginning, by module
	State func(module string) map[string]any // now; nil for a module without a model
	Bad   map[string]time.Time               // parts that turned bad by the schedule, and when
	Locks []string                           // held by the run
	// Stranded says that what the run falls back to turned bad while it rolled
	// back: no runbook can help that.
	Stranded bool
}

// Ending is how a run came out.
type Ending struct {
	Status effect.Status
	Err    error
	// Rollbacks holds what failed in the rollback even when it was tried again.
	Rollbacks []error
	Events    []effect.Event
	Secrets   []effect.Secret
	// RollsBack says that the runbook rolls back when it fails.
	RollsBack bool
}

// Standard returns the invariants that hold for every runbook.
func Standard() []Invariant {
	return []Invariant{
		{Name: "the shares of a pool add up to 100", After: sharesAddUp},
		{Name: "some server takes traffic", After: someoneServes},
		{Name: "nothing is done twice", After: nothingTwice},
		{Name: "there is one writable primary at most", After: onePrimary},
		{Name: "no traffic is moved to what is known to be bad", After: noTrafficToBad},
		{Name: "what others share is changed under a lock", After: underLock},
		{Name: "a run ends", End: ends},
		{Name: "every rollback completes", End: rollbacksComplete},
		{Name: "a run that did not succeed leaves no traffic on what is bad", End: nothingLeftBad},
		{Name: "a run that did not succeed leaves traffic and DNS as they were", End: nothingHalfDone},
		{Name: "no secret stands in the journal", End: noSecrets},
	}
}

// judge holds the invariants against the world after an effect; w.mu is held.
func (w *World) judge(e Entry) {
	if len(w.setup.Invariants) == 0 || !e.Class.Writes() {
		return // a read changes nothing
	}
	v := w.view()
	for _, inv := range w.setup.Invariants {
		if inv.After == nil {
			continue
		}
		if msg := inv.After(v, e); msg != "" {
			w.violate(Violation{Invariant: inv.Name, Message: msg, Place: e.Place, At: e.At})
		}
	}
}

func (w *World) view() *View {
	return &View{Start: w.start, State: w.stateOf, Bad: w.bad, Locks: w.locks, Stranded: w.stranded}
}

// violate notes a violation, each invariant once; w.mu is held.
func (w *World) violate(v Violation) {
	for _, old := range w.broken {
		if old.Invariant == v.Invariant {
			return
		}
	}
	w.broken = append(w.broken, v)
}

// Broke notes that an invariant of the runbook's own did not hold.
func (w *World) Broke(name, message, place string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.violate(Violation{Invariant: name, Message: message, Place: place, At: w.timeline.Now()})
}

// End holds the invariants against how the run came out and returns all that
// were broken, in order.
func (w *World) End(r Ending) []Violation {
	w.mu.Lock()
	defer w.mu.Unlock()
	v := w.view()
	for _, inv := range w.setup.Invariants {
		if inv.End == nil {
			continue
		}
		if msg := inv.End(v, r); msg != "" {
			w.violate(Violation{Invariant: inv.Name, Message: msg, At: w.timeline.Now()})
		}
	}
	return append([]Violation(nil), w.broken...)
}

// Locked notes the locks that the run has taken.
func (w *World) Locked(names []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.locks = names
}

// struck notes that a fault strikes an effect.
func (w *World) struck(call effect.Call, kind Kind) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.faults[call.Place] = kind
	if kind != Unhealthy && kind != NoData {
		return
	}
	var part string
	switch m := w.models[call.Op.Module].(type) {
	case interface {
		Blind(op string, args map[string]any) string
	}:
		if kind == NoData {
			part = m.Blind(call.Op.Name, call.Args)
		} else if b, ok := m.(effect.Breaker); ok {
			part = b.Break(call.Op.Name, call.Args)
		}
	case effect.Breaker:
		part = m.Break(call.Op.Name, call.Args)
	}
	if part != "" {
		w.bad[part] = w.timeline.Now()
		w.stranded = w.stranded || strings.HasPrefix(call.Place, "r")
	}
}

// missed notes an effect that a fault kept from happening.
func (w *World) missed(call effect.Call, kind Kind, failure *effect.Error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.entries = append(w.entries, Entry{At: w.timeline.Now(), Place: call.Place, Op: call.Op.String(), Class: call.Class,
		Args: call.Args, Where: call.Where, Err: failure, Fact: Modeled, Fault: kind})
}

// pools returns the shares of each pool of the traffic module: by pool, by
// server.
func pools(traffic map[string]any) map[string]map[string]float64 {
	out := map[string]map[string]float64{}
	read := func(pool string, v any) {
		weights, _ := v.(map[string]any)
		for name, x := range weights {
			if share, ok := x.(float64); ok {
				if out[pool] == nil {
					out[pool] = map[string]float64{}
				}
				out[pool][name] = share
			}
		}
	}
	read("", traffic["weights"])
	named, _ := traffic["pools"].(map[string]any)
	for name, p := range named {
		pool, _ := p.(map[string]any)
		read(name, pool["weights"])
	}
	return out
}

func sharesAddUp(v *View, e Entry) string {
	if !strings.HasPrefix(e.Op, "traffic.") || e.Err != nil || !e.Class.Writes() {
		return ""
	}
	if op := e.Op; op == "traffic.drain" || op == "traffic.ready" {
		return "" // these take a server out of the division
	}
	for pool, weights := range pools(v.State("traffic")) {
		sum := 0.0
		for _, share := range weights {
			sum += share
		}
		if math.Abs(sum-100) > 0.5 {
			return fmt.Sprintf("the shares of pool %q add up to %.4g: %s", pool, sum, shares(weights))
		}
	}
	return ""
}

func someoneServes(v *View, e Entry) string {
	if !strings.HasPrefix(e.Op, "traffic.") || e.Err != nil || !e.Class.Writes() {
		return ""
	}
	for pool, weights := range pools(v.State("traffic")) {
		sum := 0.0
		for _, share := range weights {
			sum += share
		}
		if len(weights) > 0 && sum <= 0 {
			return fmt.Sprintf("no server of pool %q takes traffic: %s", pool, shares(weights))
		}
	}
	return ""
}

func nothingTwice(_ *View, e Entry) string {
	if !e.Again || len(e.Changes) == 0 {
		return ""
	}
	c := e.Changes[0]
	return fmt.Sprintf("%s at %s was applied twice, and the second time changed %s from %s to %s", e.Op, e.Where, c.Target, orNothing(c.From), orNothing(c.To))
}

func onePrimary(v *View, _ Entry) string {
	db := v.State("db")
	if msg := writers("", db); msg != "" {
		return msg
	}
	named, _ := db["databases"].(map[string]any)
	for name, d := range named {
		database, _ := d.(map[string]any)
		if msg := writers(name, database); msg != "" {
			return msg
		}
	}
	return ""
}

// writers tells if several nodes of a database take writes.
func writers(name string, database map[string]any) string {
	nodes, _ := database["nodes"].(map[string]any)
	var writable []string
	for node, n := range nodes {
		state, _ := n.(map[string]any)
		if up, said := state["up"].(bool); said && !up {
			continue
		}
		if w, _ := state["writable"].(bool); w {
			writable = append(writable, node)
		}
	}
	sort.Strings(writable)
	if len(writable) > 1 {
		return strings.TrimSpace("several nodes of the database "+name) + " take writes: " + strings.Join(writable, ", ")
	}
	return ""
}

func noTrafficToBad(v *View, e Entry) string {
	if e.Op != "traffic.split" && e.Op != "traffic.switch" || e.Err != nil {
		return ""
	}
	for _, c := range e.Changes {
		name := c.Target[strings.LastIndexByte(c.Target, '.')+1:]
		since, bad := v.Bad[name]
		if !bad || !strings.Contains(c.Target, "weights") {
			continue
		}
		var from, to float64
		_, _ = fmt.Sscan(c.From, &from)
		_, _ = fmt.Sscan(c.To, &to)
		if to > from {
			return fmt.Sprintf("%s at %s moved traffic to %s (%s → %s), which could not be seen to be healthy since %s", e.Op, e.Where, name,
				orNothing(c.From), c.To, since.Format("15:04:05"))
		}
	}
	return ""
}

func underLock(v *View, e Entry) string {
	module, _, _ := strings.Cut(e.Op, ".")
	if module != "traffic" && module != "dns" && module != "db" || !e.Class.Writes() || e.Err != nil {
		return ""
	}
	if e.Op == "db.backup" { // changes nothing that others use
		return ""
	}
	for _, lock := range v.Locks {
		if lock == module || strings.HasPrefix(lock, module+"/") {
			return ""
		}
	}
	return fmt.Sprintf("%s at %s ran without a lock: another run could do the same meanwhile; add locks = { %q } to the header", e.Op, e.Where, module+"/NAME")
}

func ends(_ *View, r Ending) string {
	if r.Status.Terminal() {
		return ""
	}
	text := fmt.Sprintf("the run stays %s however often it is resumed", r.Status)
	if r.Err != nil {
		text += ": " + r.Err.Error()
	}
	return text
}

func rollbacksComplete(v *View, r Ending) string {
	if r.Status != effect.StatusRollbackFailed || v.Stranded {
		return ""
	}
	text := "the rollback failed, also when it was tried again"
	for _, err := range r.Rollbacks {
		text += ": " + err.Error()
	}
	return text
}

func nothingLeftBad(v *View, r Ending) string {
	if r.Status == effect.StatusSucceeded || v.Stranded {
		return ""
	}
	for pool, weights := range pools(v.State("traffic")) {
		good := false
		for name := range weights {
			good = good || v.Bad[name].IsZero()
		}
		for name, share := range weights {
			if _, bad := v.Bad[name]; bad && share > 0 && good {
				return fmt.Sprintf("the run is %s, and %s of pool %q, which is bad, still takes %.4g%%", r.Status, name, pool, share)
			}
		}
	}
	return ""
}

// nothingHalfDone compares what others see of the system with what it was. A
// starting state that nobody gave is not compared.
func nothingHalfDone(v *View, r Ending) string {
	if !r.RollsBack || r.Status != effect.StatusFailed && r.Status != effect.StatusRolledBack {
		return ""
	}
	then := func(module string) map[string]any { m, _ := v.Start[module].(map[string]any); return m }
	before, after := pools(then("traffic")), pools(v.State("traffic"))
	for pool, weights := range before {
		if shares(weights) != shares(after[pool]) {
			return fmt.Sprintf("the run is %s, and the shares of pool %q are %s; they were %s", r.Status, pool, shares(after[pool]), shares(weights))
		}
	}
	zones, _ := then("dns")["zones"].(map[string]any)
	now, _ := v.State("dns")["zones"].(map[string]any)
	if changes := diff("dns", zones, now); len(zones) > 0 && len(changes) > 0 {
		c := changes[0]
		return fmt.Sprintf("the run is %s, and %s is %s; it was %s", r.Status, c.Target, orNothing(c.To), orNothing(c.From))
	}
	return ""
}

func noSecrets(_ *View, r Ending) string {
	for _, s := range r.Secrets {
		if s.Reveal() == "" {
			continue
		}
		for _, ev := range r.Events {
			for _, raw := range []string{string(ev.Body.Args), string(ev.Body.Value), ev.Body.Text, ev.Body.Name, ev.Body.Reason, errorText(ev.Body.Error)} {
				if strings.Contains(raw, s.Reveal()) {
					return fmt.Sprintf("%s stands in clear in event %s %s", s, ev.Kind, ev.Place)
				}
			}
		}
	}
	return ""
}

func errorText(e *effect.Error) string {
	if e == nil {
		return ""
	}
	return e.Message + e.Hint
}

func shares(weights map[string]float64) string {
	var parts []string
	for name, share := range weights {
		parts = append(parts, fmt.Sprintf("%s %.4g", name, share))
	}
	sort.Strings(parts)
	return strings.Join(parts, ", ")
}

func orNothing(s string) string {
	if s == "" {
		return "nothing"
	}
	return s
}
