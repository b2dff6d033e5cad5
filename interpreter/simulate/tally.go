package simulate

import (
	"context"
	"errors"
	"slices"
	"sort"
)

// errTime ends an exploration whose time is up.
var errTime = errors.New("the time is up")

// tally counts what trials led to, as they come. Of those that broke an
// invariant it keeps the first for each way to break it: what it holds does not
// grow with the number of schedules.
type tally struct {
	out   Explored
	limit int
	setup *Setup
	base  int // the number of the next level's first trial
	worst int // the number of the trial with the longest recovery

	first map[string]int // by invariant: the first trial that broke it
	kept  map[int]Trial
	seen  map[string]int // by op that cannot be simulated: the first trial that came to it, and its rank there
}

func newTally(base *Trial, limit int, setup *Setup) *tally {
	t := &tally{limit: limit, setup: setup, base: 1, first: map[string]int{}, kept: map[int]Trial{}, seen: map[string]int{},
		out: Explored{Outcomes: map[string]int{}, Accepted: make([]int, len(setup.Accepts)), Baseline: *base}}
	t.out.Baseline.effects = nil
	t.count(*base, 0)
	return t
}

// maxOps is above the number of ops of one trial that cannot be simulated.
const maxOps = 1 << 16

// count takes the trial with that number.
func (t *tally) count(trial Trial, number int) {
	x := &t.out
	x.Schedules++
	x.Outcomes[trial.Outcome()]++
	for rank, op := range trial.unseen {
		at := number*maxOps + min(rank, maxOps-1)
		if was, known := t.seen[op]; !known || at < was {
			t.seen[op] = at
		}
	}
	if trial.Recovery > x.Worst.Recovery || trial.Recovery == x.Worst.Recovery && trial.Recovery > 0 && number < t.worst {
		x.Worst, t.worst = Trial{Schedule: trial.Schedule, Recovery: trial.Recovery, Took: trial.Took}, number
	}
	for _, v := range trial.Accepted {
		x.Accepted[t.setup.accepts(v)]++
	}
	if len(trial.Broken) == 0 {
		return
	}
	x.Broken++
	for _, v := range trial.Broken {
		was, known := t.first[v.Invariant]
		if known && was < number {
			continue
		}
		t.first[v.Invariant], t.kept[number] = number, trial
		if known && !t.shows(was) {
			delete(t.kept, was)
		}
	}
}

// shows reports whether a trial is the first for some invariant.
func (t *tally) shows(number int) bool {
	for _, n := range t.first {
		if n == number {
			return true
		}
	}
	return false
}

// admit takes from the schedules of a level as many as may still be tried.
func (t *tally) admit(schedules []Schedule) []Schedule {
	room := t.limit - t.base
	if t.limit == 0 || len(schedules) <= room {
		return schedules
	}
	room = max(room, 0)
	left := &t.out.Left
	left.Why, left.Schedules = "limit", left.Schedules+len(schedules)-room
	kept := make([]Schedule, 0, room)
	for i, s := range schedules { // one of each stretch of equal length
		if len(kept) < room && i*room/len(schedules) == len(kept) {
			kept = append(kept, s)
		} else if left.First == nil {
			left.First = s
		}
	}
	return kept
}

// cut notes what the end of ctx left of a level. deeper says that another level
// was to follow.
func (t *tally) cut(ctx context.Context, schedules []Schedule, done []bool, deeper bool) {
	left := &t.out.Left
	left.Why, left.Pairs = "interrupted", deeper
	if errors.Is(context.Cause(ctx), errTime) {
		left.Why = "time"
	}
	left.First = nil
	for i, s := range schedules {
		if done[i] {
			continue
		}
		if left.Schedules++; left.First == nil {
			left.First = s
		}
	}
}

// explored returns what was found.
func (t *tally) explored() *Explored {
	x := &t.out
	for op := range t.seen {
		x.Unseen = append(x.Unseen, op)
	}
	slices.SortFunc(x.Unseen, func(a, b string) int { return t.seen[a] - t.seen[b] })
	var numbers []int
	for n := range t.kept {
		numbers = append(numbers, n)
	}
	sort.Ints(numbers)
	for _, n := range numbers {
		x.Failures = append(x.Failures, t.kept[n])
	}
	return x
}

// growth gathers the schedules that grow from the trials of a level, by the
// trial. Where they become too many, it keeps every second, every fourth, …, of
// each: what it keeps does not depend on the order in which trials end.
type growth struct {
	from   [][]Schedule
	full   []int // by trial: how many there were
	stride int
	most   int // that it holds; zero for no bound
	held   int
}

func newGrowth(trials, limit int) *growth {
	return &growth{from: make([][]Schedule, trials), full: make([]int, trials), stride: 1, most: 2 * limit}
}

func (g *growth) add(trial int, schedules []Schedule) {
	g.full[trial] = len(schedules)
	g.from[trial] = every(schedules, g.stride)
	g.held += len(g.from[trial])
	for g.most > 0 && g.held > g.most {
		g.stride *= 2
		g.held = 0
		for i := range g.from {
			g.from[i] = every(g.from[i], 2)
			g.held += len(g.from[i])
		}
	}
}

// dropped counts those that were not kept.
func (g *growth) dropped() int {
	n := -g.held
	for _, full := range g.full {
		n += full
	}
	return n
}

func (g *growth) all() []Schedule { return slices.Concat(g.from...) }

// every returns the first of each n schedules.
func every(schedules []Schedule, n int) []Schedule {
	if n == 1 {
		return schedules
	}
	kept := make([]Schedule, 0, (len(schedules)+n-1)/n)
	for i := 0; i < len(schedules); i += n {
		kept = append(kept, schedules[i])
	}
	return kept
}
