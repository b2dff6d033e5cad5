package interpreter

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"sync"

	"github.com/google/uuid"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/history"
)

// control carries out the engine's own effects.
type control struct {
	clock    Clock
	random   io.Reader
	getenv   func(string) (string, bool)
	calendar Calendars
	detach   bool            // stop the run instead of waiting for people
	starters map[string]bool // who started or resumed the run
	people   effect.People   // who may answer
	latest   func()          // brings the answers given so far; nil if all are there

	mu      sync.Mutex
	answers []effect.Event
	more    chan struct{} // closed and replaced when an answer comes in
}

func newControl(w Walk, past *history.History) *control {
	o := w.Stack
	c := &control{starters: startersOf(append([]string{w.Run.By, w.By}, past.Resumers...)), people: w.People, clock: o.Clock, random: o.Random,
		getenv: o.Getenv, calendar: o.Calendars, detach: o.Detach, more: make(chan struct{})}
	for _, ev := range past.Answers {
		if c.people.Vouch(&ev.Body, ev.At) {
			c.answers = append(c.answers, ev)
		}
	}
	return c
}

// Do carries one of the engine's own effects out.
func (c *control) Do(ctx context.Context, call effect.Call) (effect.Result, error) {
	switch call.Op.String() {
	case effect.OpNow:
		return effect.Result{Value: Seconds(c.clock.Now())}, nil
	case effect.OpRandom:
		var b [8]byte
		if _, err := io.ReadFull(c.random, b[:]); err != nil {
			return effect.Result{}, fmt.Errorf("draw a random number: %w", err)
		}
		return effect.Result{Value: float64(binary.BigEndian.Uint64(b[:])>>11) / (1 << 53)}, nil
	case effect.OpUUID:
		id, err := uuid.NewRandomFromReader(c.random)
		if err != nil {
			return effect.Result{}, fmt.Errorf("draw a UUID: %w", err)
		}
		return effect.Result{Value: id.String()}, nil
	case effect.OpEnv:
		name, _ := call.Args["name"].(string)
		if v, ok := c.getenv(name); ok {
			return effect.Result{Value: v}, nil
		}
		return effect.Result{}, nil
	case effect.OpCalendar:
		return c.look(ctx, call)
	case effect.OpSleep:
		until, err := effect.SleepUntil(call.Args, call.Began)
		if err != nil {
			return effect.Result{}, effect.Errorf(effect.CodeInvalid, "sleep: %s", err)
		}
		if err := c.clock.Wait(ctx, until); err != nil {
			return effect.Result{}, stopped(ctx)
		}
		return effect.Result{}, nil
	case effect.OpApprove, effect.OpChecklist, effect.OpChoose:
		return c.ask(ctx, call)
	}
	return effect.Result{}, effect.Errorf(effect.CodeUnsupported, "the engine has no op %s", call.Op)
}

// ask waits until people have decided, or time is up.
func (c *control) ask(ctx context.Context, call effect.Call) (effect.Result, error) {
	q := questionOf(call.Place, call.Args, call.Began)
	if fault := q.among(c.people, c.starters); fault != "" {
		return effect.Result{}, effect.Errorf(effect.CodeInvalid, "nobody can agree to %q: %s", q.Title, fault)
	}
	for late := false; ; {
		c.mu.Lock()
		now := c.clock.Now()
		decided, res, err := q.decide(c.answers, now)
		more, need := c.more, q.need(c.answers)
		c.mu.Unlock()
		if decided && !late && c.latest != nil && !now.Before(q.Deadline) {
			late = true
			c.latest() // somebody may have answered in the last instant
			continue
		}
		if decided {
			return res, err
		}
		if c.detach {
			return effect.Result{}, &effect.Stop{Cause: effect.Waiting, Err: &q}
		}
		call.Report("waiting for %s", need)
		expired, cancel := context.WithCancel(ctx)
		go func() { // Wait ends with its context
			if c.clock.Wait(expired, q.Deadline) == nil {
				cancel()
			}
		}()
		select {
		case <-more:
		case <-expired.Done():
		}
		cancel()
		if ctx.Err() != nil {
			return effect.Result{}, stopped(ctx)
		}
	}
}

// answered takes an answer that somebody sent; one by somebody else than it says
// does not count.
func (c *control) answered(ev effect.Event) {
	if !c.people.Vouch(&ev.Body, ev.At) {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.answers = append(c.answers, ev)
	close(c.more)
	c.more = make(chan struct{})
}

// stopped says why a wait was cut short.
func stopped(ctx context.Context) error {
	if s := effect.AsStop(context.Cause(ctx)); s != nil {
		return s
	}
	return &effect.Stop{Cause: effect.Interrupted}
}
