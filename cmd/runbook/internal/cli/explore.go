package cli

import (
	"context"
	"fmt"
	"maps"
	"runtime"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/q-ecosystem/runbook/cmd/runbook/internal/view"
	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/simulate"
)

// exploreFlags say how far an exploration goes.
type exploreFlags struct {
	world    worldFlags
	depth    int
	limit    int
	workers  int
	seed     int64
	schedule string
}

// spendMemory lets the garbage collector run seldom while the heap is small:
// simulated worlds are many and short-lived. What it returns undoes that.
func spendMemory() func() {
	const percent, limit = 1600, 1 << 30
	memory := debug.SetMemoryLimit(-1)
	debug.SetMemoryLimit(min(memory, limit))
	old := debug.SetGCPercent(percent)
	return func() {
		debug.SetGCPercent(old)
		debug.SetMemoryLimit(memory)
	}
}

func (a *app) exploreCommand() *cobra.Command {
	var o exploreFlags
	cmd := &cobra.Command{
		Use:   "explore FILE.lua",
		Short: "Let every effect of a runbook fail, and see what becomes of it",
		Long: "Rehearse a runbook once for every fault at every effect: refused; timed out after it\n" +
			"was applied; the runner killed before, and after; health turning bad or blind; people\n" +
			"who say no or nothing. Each run is resumed as an operator would, and invariants are\n" +
			"held against what became of the world. With --depth 2, every pair of faults.\n\n" +
			"The same seed gives the same output, whatever the workers. Exit 0 if all invariants\n" +
			"held, 1 if one was broken.",
		Example: "  runbook explore blue-green.lua --param version=v1.2.0\n" +
			"  runbook explore blue-green.lua --scenario slow.lua --depth 2 --limit 20000\n" +
			"  runbook explore blue-green.lua --param version=v1.2.0 --schedule 5:timeout",
		Args:              exactly("FILE.lua"),
		ValidArgsFunction: completeScript,
		RunE: func(cmd *cobra.Command, argv []string) error {
			if o.depth < 1 || o.depth > 2 {
				return usagef("--depth is 1 (single faults) or 2 (pairs as well), not %d", o.depth)
			}
			if o.limit < 0 || o.workers < 1 {
				return usagef("--limit is 0 (no bound) or more, and --workers 1 or more")
			}
			ctx, release := a.untilInterrupted(cmd.Context())
			defer release()
			defer spendMemory()()
			return a.explore(ctx, argv[0], o, cmd.Flags().Changed("seed"))
		},
	}
	o.world.add(cmd)
	f := cmd.Flags()
	f.IntVar(&o.depth, "depth", 1, "how many faults strike one run, at most: 1 or 2")
	f.IntVar(&o.limit, "limit", 0, "how many schedules to run, at most; 0 is all")
	f.IntVar(&o.workers, "workers", runtime.GOMAXPROCS(0), "how many run at the same time")
	f.Int64Var(&o.seed, "seed", 0, "of the random numbers that runs draw; the scenario's if left out")
	f.StringVar(&o.schedule, "schedule", "", "run this one schedule, by its `ID`")
	return cmd
}

func (a *app) explore(ctx context.Context, path string, o exploreFlags, seeded bool) error {
	if a.flags.json {
		a.jsonHead("explore")
	}
	r, err := a.rehearsal(ctx, path, o.world, nil)
	if err != nil {
		return err
	}
	if seeded {
		r.setup.Seed = o.seed
	}
	again := again{path: path, flags: o, seeded: seeded}
	ex := &simulate.Explorer{Runner: r.runner, Setup: r.setup, Depth: o.depth, Workers: o.workers, Limit: o.limit}
	if o.schedule != "" {
		s, err := simulate.ParseSchedule(o.schedule)
		if err != nil {
			return usageError{err}
		}
		t, err := ex.Try(ctx, s)
		if err != nil {
			return err
		}
		if len(t.Missed) > 0 {
			return usagef("schedule %s: the run does not come to effect %s, so that fault cannot strike", s, t.Missed[0].Place)
		}
		return a.tried(r, &t, again)
	}
	// What the scenario lets fail is where the exploration starts from.
	if ex.Base, err = r.schedule(ctx, ""); err != nil {
		return err
	}
	meter := newMeter(a)
	ex.Progress = meter.show
	found, err := ex.Explore(ctx)
	meter.clear()
	if err != nil {
		return err
	}
	if e := effect.AsError(found.Baseline.Ending.Err); e != nil && e.Code == effect.CodeUnsupported {
		a.explainEnding(r, found.Baseline.Ending)
		return exitError{exitFailed} // what was explored says nothing
	}
	return a.explored(r, found, again)
}

// explored prints what an exploration found.
func (a *app) explored(r *rehearsal, x *simulate.Explored, again again) error {
	if a.flags.json {
		for i := range x.Failures {
			a.jsonLine(failureOfTrial(&x.Failures[i], again))
		}
		line := exploredLine{Type: "explored", Schedules: x.Schedules, Outcomes: x.Outcomes, Broken: x.Broken, Truncated: x.Truncated,
			Took: x.Baseline.Took.Seconds()}
		if x.Worst.Recovery > 0 {
			line.WorstRecovery, line.WorstSchedule = x.Worst.Recovery.Seconds(), x.Worst.Schedule.String()
		}
		a.jsonLine(line)
	} else {
		for i := range x.Failures {
			a.failure(r, &x.Failures[i], again)
		}
		a.exploredSummary(x, again)
	}
	a.note("%s in %s, %.0f a second\n", counted(x.Schedules, "schedule"), effect.FormatDuration(x.Wall.Round(time.Millisecond)),
		float64(x.Schedules)/max(x.Wall.Seconds(), 1e-9))
	if x.Broken > 0 {
		return exitError{exitFailed}
	}
	return nil
}

func (a *app) exploredSummary(x *simulate.Explored, again again) {
	s := a.outStyle
	a.result("%s, %s:\n", counted(x.Schedules, "schedule"), counted(len(x.Outcomes), "distinct outcome"))
	outcomes := slices.Collect(maps.Keys(x.Outcomes))
	slices.SortFunc(outcomes, func(m, n string) int {
		if d := x.Outcomes[n] - x.Outcomes[m]; d != 0 {
			return d
		}
		if m < n {
			return -1
		}
		return 1
	})
	for _, o := range outcomes {
		a.result("%8d  %s\n", x.Outcomes[o], view.Clean(o))
	}
	a.result("without a fault: %s after %s\n", x.Baseline.Outcome(), effect.FormatDuration(x.Baseline.Took))
	if err := x.Baseline.Ending.Err; err != nil {
		a.result("  %s\n", s.Yellow(indented(view.Clean(err.Error()))))
	}
	if x.Worst.Recovery > 0 {
		a.result("worst time to recovery: %s, schedule %s\n  %s\n", s.Bold(effect.FormatDuration(x.Worst.Recovery)), x.Worst.Schedule,
			s.Dim(again.command("explore", x.Worst.Schedule)))
	} else {
		a.result("no schedule led to a rollback\n")
	}
	if x.Truncated {
		a.result("%s\n", s.Yellow(fmt.Sprintf("stopped after %d schedules, as --limit says: there are more", x.Schedules)))
	}
	if x.Broken == 0 {
		a.result("%s\n", s.Green("all invariants held"))
		return
	}
	a.result("%s\n", s.Red(fmt.Sprintf("%d of %d schedules broke an invariant", x.Broken, x.Schedules)))
}

// failure prints one way to break an invariant.
func (a *app) failure(r *rehearsal, t *simulate.Trial, again again) {
	s := a.outStyle
	for _, v := range t.Broken {
		a.result("%s %s\n", s.Red("✗"), s.Bold(view.Clean(v.Invariant)))
		if v.Message != "" {
			a.result("  %s\n", indented(view.Clean(v.Message)))
		}
		if where := whereOf(t, v.Place); where != "" {
			a.result("  %s\n", s.Dim("after "+where))
		}
	}
	a.result("  schedule %s: %s\n", t.Schedule, t.Ending.Status)
	a.result("  again with: %s\n\n", again.command("explore", t.Schedule))
	tree := &view.Tree{Style: a.outStyle, Catalog: r.catalog}
	for _, line := range view.Timeline(tree, t.Ending.Events, t.Entries) {
		a.result("  %s\n", line)
	}
	a.result("\n")
}

// tried prints one schedule.
func (a *app) tried(r *rehearsal, t *simulate.Trial, again again) error {
	code := exitOK
	if len(t.Broken) > 0 {
		code = exitFailed
	}
	if a.flags.json {
		a.jsonLine(failureOfTrial(t, again))
	} else {
		tree := &view.Tree{Style: a.outStyle, Catalog: r.catalog}
		for _, line := range view.Timeline(tree, t.Ending.Events, t.Entries) {
			a.result("%s\n", line)
		}
		a.result("\n%s after %s", t.Ending.Status, effect.FormatDuration(t.Took))
		if t.Recovery > 0 {
			a.result(", time to recovery %s", effect.FormatDuration(t.Recovery))
		}
		a.result("\n")
		for _, v := range t.Broken {
			a.result("%s %s: %s\n", a.outStyle.Red("✗"), view.Clean(v.Invariant), indented(view.Clean(v.Message)))
		}
		if len(t.Broken) == 0 {
			a.result("%s\n", a.outStyle.Green("all invariants held"))
		}
		a.explainEnding(r, t.Ending)
	}
	if code != exitOK {
		return exitError{code}
	}
	return nil
}

// whereOf names the effect after which an invariant did not hold.
func whereOf(t *simulate.Trial, place string) string {
	for _, e := range t.Entries {
		if e.Place == place && place != "" {
			return fmt.Sprintf("%s at %s (effect %s)", e.Op, e.Where, place)
		}
	}
	return ""
}

// again writes the command that runs one schedule again.
type again struct {
	path   string
	flags  exploreFlags
	seeded bool
}

func (g again) command(name string, s simulate.Schedule) string {
	text := "runbook " + name + " " + g.flags.world.told(g.path)
	if g.seeded {
		text += fmt.Sprintf(" --seed %d", g.flags.seed)
	}
	return text + " --schedule " + quoted(s.String())
}

// exploredLine ends the JSON stream of an exploration.
type exploredLine struct {
	Type          string         `json:"type"`
	Schedules     int            `json:"schedules"`
	Outcomes      map[string]int `json:"outcomes"`
	Broken        int            `json:"broken"`
	Truncated     bool           `json:"truncated"`
	Took          float64        `json:"took"`                     // seconds, without a fault
	WorstRecovery float64        `json:"worst_recovery,omitempty"` // seconds
	WorstSchedule string         `json:"worst_schedule,omitempty"`
}

// trialLine is one schedule as --json prints it.
type trialLine struct {
	Type     string               `json:"type"`
	Schedule string               `json:"schedule"`
	Status   effect.Status        `json:"status"`
	Took     float64              `json:"took"`               // seconds
	Recovery float64              `json:"recovery,omitempty"` // seconds
	Broken   []brokenLine         `json:"broken"`
	Again    string               `json:"again"`
	Timeline []simulate.TimedFact `json:"timeline"`
}

type brokenLine struct {
	Invariant string `json:"invariant"`
	Message   string `json:"message,omitempty"`
	Where     string `json:"where,omitempty"`
	Place     string `json:"place,omitempty"`
}

func failureOfTrial(t *simulate.Trial, again again) trialLine {
	line := trialLine{Type: "schedule", Schedule: t.Schedule.String(), Status: t.Ending.Status, Took: t.Took.Seconds(),
		Recovery: t.Recovery.Seconds(), Broken: []brokenLine{}, Again: again.command("explore", t.Schedule), Timeline: t.Timeline()}
	for _, v := range t.Broken {
		line.Broken = append(line.Broken, brokenLine{v.Invariant, v.Message, whereOf(t, v.Place), v.Place})
	}
	return line
}

// meter shows on a terminal how far an exploration is.
type meter struct {
	app   *app
	mu    sync.Mutex
	began time.Time
	last  time.Time
	drawn bool
}

func newMeter(a *app) *meter { return &meter{app: a, began: time.Now()} }

func (m *meter) show(done, known int) {
	if !m.app.moves || m.app.flags.json {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	now := time.Now()
	if now.Sub(m.last) < 100*time.Millisecond {
		return
	}
	m.last, m.drawn = now, true
	rate := float64(done) / max(now.Sub(m.began).Seconds(), 0.001)
	m.app.note("\r\x1b[K%s", m.app.style.Dim(fmt.Sprintf("… %d of %d schedules, %.0f a second", done, known, rate)))
}

func (m *meter) clear() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.drawn {
		m.app.note("\r\x1b[K")
	}
}
