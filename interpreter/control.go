package interpreter

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// control carries out the engine's own effects.
type control struct {
	clock  Clock
	random io.Reader
	getenv func(string) (string, bool)
	detach bool   // stop the run instead of waiting for people
	latest func() // brings the answers given so far; nil if all are there

	mu      sync.Mutex
	answers []effect.Event
	news    chan struct{} // closed and replaced when an answer comes in
}

func newControl(o Options, history []effect.Event) *control {
	c := &control{clock: o.Clock, random: o.Random, getenv: o.Getenv, detach: o.Detach, news: make(chan struct{})}
	for _, ev := range history {
		if ev.Kind == effect.QuestionAnswered {
			c.answers = append(c.answers, ev)
		}
	}
	return c
}

// Do carries one of the engine's own effects out.
func (c *control) Do(ctx context.Context, call effect.Call) (effect.Result, error) {
	switch call.Op.String() {
	case effect.OpNow:
		return effect.Result{Value: float64(c.clock.Now().UnixMicro()) / 1e6}, nil
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
	case effect.OpSleep:
		seconds, _ := call.Args["duration"].(float64)
		if err := c.clock.Wait(ctx, call.Began.Add(effect.Seconds(seconds))); err != nil {
			return effect.Result{}, stopped(ctx)
		}
		return effect.Result{}, nil
	case effect.OpApprove:
		return c.approve(ctx, call)
	}
	return effect.Result{}, effect.Errorf(effect.CodeUnsupported, "the engine has no op %s", call.Op)
}

// approve waits until enough people agreed, one refused, or time is up.
func (c *control) approve(ctx context.Context, call effect.Call) (effect.Result, error) {
	q := questionOf(call.Place, call.Args, call.Began)
	for late := false; ; {
		c.mu.Lock()
		decided, res, err := q.decide(c.answers, c.clock.Now())
		news, need := c.news, q.need(c.answers)
		c.mu.Unlock()
		if decided && !late && c.latest != nil && effect.AsError(err) != nil && effect.AsError(err).Code == effect.CodeExpired {
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
		case <-news:
		case <-expired.Done():
		}
		cancel()
		if ctx.Err() != nil {
			return effect.Result{}, stopped(ctx)
		}
	}
}

// answered takes an answer that somebody posted.
func (c *control) answered(ev effect.Event) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.answers = append(c.answers, ev)
	close(c.news)
	c.news = make(chan struct{})
}

// Question is what approve asks.
type Question struct {
	Place    string
	Title    string
	Detail   string
	By       []string // who may answer; anyone if empty
	Count    int      // how many have to agree
	Asked    time.Time
	Deadline time.Time
}

// Error lets a Question be the reason of a Stop.
func (q *Question) Error() string { return "waiting for an answer: " + q.Title }

func questionOf(place string, args map[string]any, asked time.Time) Question {
	q := Question{Place: place, Count: 1, Asked: asked}
	q.Title, _ = args["title"].(string)
	q.Detail, _ = args["detail"].(string)
	if n, ok := args["count"].(float64); ok {
		q.Count = int(n)
	}
	if list, ok := args["by"].([]any); ok {
		for _, name := range list {
			if s, ok := name.(string); ok {
				q.By = append(q.By, s)
			}
		}
	}
	timeout, _ := args["timeout"].(float64)
	q.Deadline = asked.Add(effect.Seconds(timeout))
	return q
}

// decide looks at the answers given in time.
func (q *Question) decide(answers []effect.Event, now time.Time) (bool, effect.Result, error) {
	agreed := map[string]bool{}
	names := []any{}
	for _, a := range answers {
		if a.Place != q.Place || a.At.After(q.Deadline) || agreed[a.Body.By] {
			continue
		}
		if a.Body.Outcome == answerDenied {
			return true, effect.Result{}, effect.Errorf(effect.CodeDenied, "%s said no to %q%s", a.Body.By, q.Title, because(a.Body.Reason))
		}
		agreed[a.Body.By] = true
		names = append(names, a.Body.By)
		if len(agreed) >= q.Count {
			return true, effect.Result{Value: map[string]any{"by": names}}, nil
		}
	}
	if !now.Before(q.Deadline) {
		return true, effect.Result{}, effect.Errorf(effect.CodeExpired, "nobody decided on %q in time: %d of %d agreed within %s",
			q.Title, len(agreed), q.Count, effect.FormatDuration(q.Deadline.Sub(q.Asked)))
	}
	return false, effect.Result{}, nil
}

// need says what is still missing: "2 of 3 approvals of a, b, c".
func (q *Question) need(answers []effect.Event) string {
	have := 0
	for _, a := range answers {
		if a.Place == q.Place {
			have++
		}
	}
	text := fmt.Sprintf("%d of %d approvals", have, q.Count)
	for i, name := range q.By {
		if i == 0 {
			text += " of "
		} else {
			text += ", "
		}
		text += name
	}
	return text
}

func because(reason string) string {
	if reason == "" {
		return ""
	}
	return ": " + reason
}

// stopped says why a wait was cut short.
func stopped(ctx context.Context) error {
	if s := effect.AsStop(context.Cause(ctx)); s != nil {
		return s
	}
	return &effect.Stop{Cause: effect.Interrupted}
}
