package rehearsal

import (
	"context"
	"fmt"
	"maps"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/q-ecosystem/runbook/cmd/runbook/internal/cli/app"
	"github.com/q-ecosystem/runbook/cmd/runbook/internal/view"
	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/simulate"
)

// exploreFlags say how far an exploration goes.
type exploreFlags struct {
	world    worldFlags
	depth    int
	all      bool
	watch    bool
	fromLive bool
	limit    int
	within   time.Duration
	bounded  map[string]bool // by what bounds it: whether the user said so
	workers  int
	seed     int64
	schedule string
	faults   []string // the kinds that are tried; empty for the usual ones
	without  []string
	beside   besideFlags
}

// spendMemory lets the garbage collector run seldom while the heap is small:
// simulated worlds are many and short-lived. What it returns undoes that.
func spendMemory() func() {
	const percent, limit = 1600, 192 << 20
	memory := debug.SetMemoryLimit(-1)
	debug.SetMemoryLimit(min(memory, limit))
	old := debug.SetGCPercent(percent)
	return func() {
		debug.SetGCPercent(old)
		debug.SetMemoryLimit(memory)
	}
}

func (a commands) exploreCommand() *cobra.Command {
	var o exploreFlags
	cmd := &cobra.Command{
		Use:   "explore FILE.lua",
		Short: "Let every effect of a runbook fail, and see what becomes of it",
		Long: "Rehearse a runbook once for every fault at every effect: refused; lost; timed out after it\n" +
			"was applied; the runner killed before, and after; health turning bad or blind; people\n" +
			"who say no or nothing. Each run is resumed as an operator would, and invariants are\n" +
			"held against what became of the world. With --depth 2, every pair of faults.\n" +
			"With --with, a second run at the same time, in every order of what touches the same.\n\n" +
			"The same seed gives the same output, whatever the workers. Exit 0 if all invariants\n" +
			"held, 1 if one was broken, or if more was left out than --limit and --within say.",
		Example: "  runbook explore blue-green.lua --param version=v1.2.0\n" +
			"  runbook explore blue-green.lua --scenario slow.lua --depth 2 --limit 20000\n" +
			"  runbook explore blue-green.lua --scenario slow.lua --faults down,rolled-back\n" +
			"  runbook explore blue-green.lua --param version=v1.2.0 --schedule 5:timeout\n" +
			"  runbook explore rename.lua --param to=b --with rename.lua --with-param to=c",
		Args:              app.Exactly("FILE.lua"),
		ValidArgsFunction: app.CompleteScript,
		RunE: func(cmd *cobra.Command, argv []string) error {
			if o.depth < 1 || o.depth > 2 {
				return app.Usagef("--depth is 1 (single faults) or 2 (pairs as well), not %d", o.depth)
			}
			if o.limit < 0 || o.workers < 1 || o.within < 0 {
				return app.Usagef("--limit and --within are 0 (no bound) or more, and --workers 1 or more")
			}
			o.bounded = map[string]bool{"limit": cmd.Flags().Changed("limit"), "time": cmd.Flags().Changed("within")}
			if err := o.beside.check(cmd.Flags().Changed); err != nil {
				return err
			}
			ctx, release := a.UntilInterrupted(cmd.Context())
			defer release()
			defer spendMemory()()
			if o.beside.script != "" {
				return a.exploreBeside(ctx, argv[0], o, cmd.Flags().Changed)
			}
			if o.watch {
				return a.watch(ctx, cmd, argv[0], o, cmd.Flags().Changed("seed"))
			}
			return a.explore(ctx, argv[0], o, cmd.Flags().Changed("seed"))
		},
	}
	o.world.add(cmd)
	f := cmd.Flags()
	f.IntVar(&o.depth, "depth", 1, "how many faults strike one run, at most: 1 or 2")
	f.BoolVar(&o.all, "exhaustive", false, "try every fault by itself, also at reads that are like their neighbours")
	f.BoolVar(&o.watch, "watch", false, "explore again at every save of the script, of what is beside it, or of the scenario")
	f.BoolVar(&o.fromLive, "from-live", false, "begin with the world that a dry run reads from the real systems")
	f.IntVar(&o.limit, "limit", simulate.DefaultLimit, "how many schedules to run, at most, spread over all; 0 is all")
	f.DurationVar(&o.within, "within", simulate.DefaultWithin, "how long to explore, at most; 0 is no bound")
	f.IntVar(&o.workers, "workers", runtime.GOMAXPROCS(0), "how many run at the same time")
	f.Int64Var(&o.seed, "seed", 0, "of the random numbers that runs draw; the scenario's if left out")
	f.StringVar(&o.schedule, "schedule", "", "run this one schedule, by its `ID`")
	f.StringSliceVar(&o.faults, "faults", nil, "try these `KINDS` only, or all: also those that are tried only when asked for (see: runbook docs explore)")
	f.StringSliceVar(&o.without, "without", nil, "try none of these `KINDS` of faults")
	o.beside.add(cmd)
	return cmd
}

func (a commands) explore(ctx context.Context, path string, o exploreFlags, seeded bool) error {
	if a.Flags.JSON {
		a.JSONHead("explore")
	}
	open := a.supposed
	if o.fromLive {
		open = a.fromLive
	}
	r, err := open(ctx, path, o.world)
	if err != nil {
		return err
	}
	if seeded {
		r.Setup.Seed = o.seed
	}
	again := again{app: a.App, path: path, foreign: r.foreign, flags: o, seeded: seeded}
	// What the scenario lets fail is where the exploration starts from.
	base, err := r.Schedule(ctx)
	if err != nil {
		return err
	}
	ex := r.Explorer(base)
	ex.Depth, ex.Alike, ex.Workers, ex.Limit, ex.Within = o.depth, !o.all, o.workers, o.limit, o.within
	if ex.Faults, err = simulate.ParseChoice(o.faults, o.without, r.catalog); err != nil {
		return app.Usage(err)
	}
	if o.schedule != "" {
		s, err := simulate.ParseSchedule(o.schedule, r.catalog)
		if err != nil {
			return app.Usage(err)
		}
		t, err := ex.Reproduce(ctx, s)
		if err != nil {
			return err
		}
		if err := missed(s, t.Missed); err != nil {
			return err
		}
		return a.tried(r, &t, again)
	}
	meter := newMeter(a.App)
	ex.Progress = meter.show
	found, err := ex.Explore(ctx)
	meter.clear()
	if err != nil {
		return err
	}
	if e := effect.AsError(found.Baseline.Ending.Err); e != nil && e.Code == effect.CodeUnsupported {
		a.explainEnding(r, found.Baseline.Ending)
		return app.ExitWith(app.ExitFailed) // what was explored says nothing
	}
	if err := a.explored(r, found, again); ctx.Err() == nil {
		return err
	}
	return app.ExitWith(app.ExitInterrupted)
}

// explored prints what an exploration found.
func (a commands) explored(r *rehearsal, x *simulate.Explored, again again) error {
	if a.Flags.JSON {
		for i := range x.Failures {
			a.JSONLine(failureOfTrial(&x.Failures[i], again))
		}
		line := exploredLine{Type: "explored", Schedules: x.Schedules, Alike: x.Alike, Outcomes: x.Outcomes, Broken: x.Broken, Truncated: x.Left.Why != "", Left: x.Left.Schedules, LeftPairs: x.Left.Pairs, LeftWhy: x.Left.Why,
			Took: x.Baseline.Took.Seconds(), Writes: x.Writes, Opaque: x.Opaque, Unseen: x.Unseen, Accepted: acceptedLines(r.Header.Accepts, x.Accepted)}
		if x.Worst.Recovery > 0 {
			line.WorstRecovery, line.WorstSchedule = x.Worst.Recovery.Seconds(), x.Worst.Schedule.String()
		}
		a.JSONLine(line)
	} else {
		for i := range x.Failures {
			a.failure(r, &x.Failures[i], again)
		}
		a.exploredSummary(r.catalog, x, acceptedLines(r.Header.Accepts, x.Accepted), again)
	}
	a.Note("%s in %s, %.0f a second\n", app.Counted(x.Schedules, "schedule"), effect.FormatDuration(x.Wall.Round(time.Millisecond)),
		float64(x.Schedules)/max(x.Wall.Seconds(), 1e-9))
	if x.Broken > 0 || x.Left.Why != "" && !again.flags.bounded[x.Left.Why] {
		return app.ExitWith(app.ExitFailed)
	}
	return nil
}

func (a commands) exploredSummary(catalog *effect.Catalog, x *simulate.Explored, accepted []acceptedLine, again again) {
	s := a.OutStyle
	stand := ""
	if x.Alike > 0 {
		stand = fmt.Sprintf(", which stand for %d", x.Schedules+x.Alike)
	}
	a.Result("%s%s, %s:\n", app.Counted(x.Schedules, "schedule"), stand, app.Counted(len(x.Outcomes), "distinct outcome"))
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
		a.Result("%8d  %s\n", x.Outcomes[o], view.Clean(o))
	}
	a.Result("without a fault: %s after %s\n", view.Line(x.Baseline.Outcome()), effect.FormatDuration(x.Baseline.Took))
	if err := x.Baseline.Ending.Err; err != nil {
		a.Result("  %s\n", s.Yellow(app.Indented(view.Clean(err.Error()))))
	}
	if x.Worst.Recovery > 0 {
		a.Result("worst time to recovery: %s, schedule %s\n  %s\n", s.Bold(effect.FormatDuration(x.Worst.Recovery)), x.Worst.Schedule,
			s.Dim(again.command("explore", x.Worst.Schedule)))
	} else if !slices.ContainsFunc(outcomes, func(o string) bool {
		return strings.HasPrefix(o, string(effect.StatusRolledBack)) || strings.HasPrefix(o, string(effect.StatusRollbackFailed))
	}) { // one of those took no time
		a.Result("no schedule led to a rollback\n")
	}
	if x.Left.Why != "" {
		why := map[string]string{"limit": fmt.Sprintf("--limit is %d", again.flags.limit),
			"time": "--within is " + effect.FormatDuration(again.flags.within), "interrupted": "interrupted"}[x.Left.Why]
		a.Result("%s\n", s.Yellow(fmt.Sprintf("not all was explored (%s): %d schedules were tried, %s", why, x.Schedules, x.Left)))
	}
	if x.Opaque > 0 {
		a.Result("%s\n", s.Yellow(fmt.Sprintf("%d of %s are opaque to this rehearsal: nobody said what they change", x.Opaque, app.Counted(x.Writes, "write"))))
	}
	if len(x.Unseen) > 0 {
		a.Result("%s\n", s.Yellow("could not be simulated in every schedule, so that what follows was not looked at: "+strings.Join(x.Unseen, ", ")))
	}
	all := a.accepted(accepted, "schedule", x.Left.Why == "" && len(x.Unseen) == 0 && x.Blocked == nil && len(again.flags.faults)+len(again.flags.without) == 0)
	switch {
	case x.Broken == 0 && (x.Left.Why != "" || len(x.Unseen) > 0):
		a.Result("%s\n", s.Yellow(all+" held in what was explored"))
		return
	case x.Broken == 0:
		a.Result("%s\n", s.Green(all+" held"))
		return
	}
	a.Result("%s\n", s.Red(fmt.Sprintf("%d of %d schedules broke an invariant", x.Broken, x.Schedules)))
	if slices.ContainsFunc(x.Failures, func(t simulate.Trial) bool {
		return slices.ContainsFunc(t.Broken, func(v simulate.Violation) bool {
			return catalog.Acceptable(effect.Acceptance{Invariant: v.Invariant}) == nil
		})
	}) {
		a.Result("%s\n", s.Dim("one that is right here is accepted in the header: runbook docs accepts"))
	}
}

// failure prints one way to break an invariant.
func (a commands) failure(r *rehearsal, t *simulate.Trial, again again) {
	s := a.OutStyle
	for _, v := range t.Broken {
		a.Result("%s %s\n", s.Red("✗"), s.Bold(view.Clean(v.Invariant)))
		if v.Message != "" {
			a.Result("  %s\n", app.Indented(view.Clean(v.Message)))
		}
		if where := whereOf(t, v.Place); where != "" {
			a.Result("  %s\n", s.Dim("after "+where))
		}
	}
	a.Result("  schedule %s: %s\n", t.Schedule, t.Ending.Status)
	a.Result("  again with: %s\n\n", again.command("explore", t.Schedule))
	tree := &view.Tree{Style: a.OutStyle, Catalog: r.catalog}
	for _, line := range view.Timeline(tree, t.Ending.Events, t.Entries) {
		a.Result("  %s\n", line)
	}
	a.Result("\n")
}

// tried prints one schedule.
func (a commands) tried(r *rehearsal, t *simulate.Trial, again again) error {
	code := app.ExitOK
	if len(t.Broken) > 0 {
		code = app.ExitFailed
	}
	if a.Flags.JSON {
		a.JSONLine(failureOfTrial(t, again))
	} else {
		tree := &view.Tree{Style: a.OutStyle, Catalog: r.catalog}
		for _, line := range view.Timeline(tree, t.Ending.Events, t.Entries) {
			a.Result("%s\n", line)
		}
		a.Result("\n%s after %s", t.Ending.Status, effect.FormatDuration(t.Took))
		if t.Recovery > 0 {
			a.Result(", time to recovery %s", effect.FormatDuration(t.Recovery))
		}
		a.Result("\n")
		a.verdict(t.Broken, t.Accepted)
		a.explainEnding(r, t.Ending)
	}
	if code != app.ExitOK {
		return app.ExitWith(code)
	}
	return nil
}

// whereOf names the effect after which an invariant did not hold.
func whereOf(t *simulate.Trial, place effect.Place) string {
	for _, e := range t.Entries {
		if e.Place == place && place != "" {
			return fmt.Sprintf("%s at %s (effect %s)", e.Op, e.Where, place)
		}
	}
	return ""
}

// again writes the command that runs one schedule again.
type again struct {
	app     *app.App
	foreign bool // it needs the configuration, for modules that plugins bring
	path    string
	flags   exploreFlags
	seeded  bool
}

// supposed is a rehearsal in a world that a scenario says, or nobody.
func (a commands) supposed(ctx context.Context, path string, w worldFlags) (*rehearsal, error) {
	return a.rehearsal(ctx, path, w, nil)
}

// fromLive is a rehearsal in a world that is as a dry run reads the real systems.
func (a commands) fromLive(ctx context.Context, path string, w worldFlags) (*rehearsal, error) {
	live, err := a.openLive(ctx, path)
	if err != nil {
		return nil, err
	}
	defer live.host.Close()
	r, err := a.rehearsal(ctx, path, w, live)
	if err != nil {
		return nil, err
	}
	res, err := r.Settle(ctx)
	if err != nil {
		return nil, err
	}
	for _, u := range res.World.Unread() {
		a.Note("%s could not be read, and is assumed: %s\n", u.Op, u.Error)
	}
	for _, doubt := range res.World.Doubts() {
		a.Note("assumed: %s\n", doubt)
	}
	return r, nil
}

func (g again) command(name string, s simulate.Schedule) string {
	return g.line(name, "--schedule", s.String())
}

// line writes a command that rehearses in the same world.
func (g again) line(name string, more ...string) string {
	words := g.flags.world.told()
	if g.flags.fromLive {
		words = append(append(words, "--from-live"), g.app.ConfigFlags()...)
	}
	if g.seeded {
		words = append(words, "--seed", strconv.FormatInt(g.flags.seed, 10))
	}
	return g.app.OnScript(name, g.path, g.foreign, append(words, more...)...)
}

func failureOfTrial(t *simulate.Trial, again again) trialLine {
	line := trialLine{Type: "schedule", Schedule: t.Schedule.String(), Status: t.Ending.Status, Took: t.Took.Seconds(),
		Recovery: t.Recovery.Seconds(), Broken: []brokenLine{}, Again: again.command("explore", t.Schedule), Timeline: t.Timeline()}
	for _, v := range t.Broken {
		line.Broken = append(line.Broken, brokenLine{v.Invariant, v.Message, whereOf(t, v.Place), v.Place})
	}
	for _, v := range t.Accepted {
		line.Accepted = append(line.Accepted, brokenLine{v.Invariant, v.Message, whereOf(t, v.Place), v.Place})
	}
	return line
}

// meter shows on a terminal how far an exploration is.
type meter struct {
	app   *app.App
	mu    sync.Mutex
	began time.Time
	last  time.Time
	drawn bool
}

func newMeter(a *app.App) *meter { return &meter{app: a, began: time.Now()} }

func (m *meter) show(done, known int) {
	if !m.app.Moves || m.app.Flags.JSON {
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
	m.app.Note("\r\x1b[K%s", m.app.Style.Dim(fmt.Sprintf("… %d of %d schedules, %.0f a second", done, known, rate)))
}

func (m *meter) clear() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.drawn {
		m.app.Note("\r\x1b[K")
	}
}
