package rehearsal

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/q-ecosystem/runbook/cmd/runbook/internal/cli/app"
	"github.com/q-ecosystem/runbook/cmd/runbook/internal/view"
	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/simulate"
)

// besideFlags name a run that takes place at the same time.
type besideFlags struct {
	script string
	params []string
	after  time.Duration
}

func (b *besideFlags) add(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&b.script, "with", "", "explore two runs at once: this one, and one of `FILE` (the same, or another)")
	f.StringArrayVar(&b.params, "with-param", nil, "a parameter of the second run as `NAME=VALUE`; those left out are as the first has them")
	f.DurationVar(&b.after, "after", 0, "try this one order: the second run begins so long after the first; negative is before")
}

// check refuses flags that say nothing of two runs.
func (b *besideFlags) check(changed func(string) bool) error {
	if b.script == "" {
		for _, name := range []string{"with-param", "after"} {
			if changed(name) {
				return app.Usagef("--%s is for two runs at once: say with --with which file the second one is of", name)
			}
		}
		return nil
	}
	for _, name := range []string{"depth", "exhaustive", "watch", "schedule", "faults", "without"} {
		if changed(name) {
			return app.Usagef("--with tries orders of two runs and no faults: leave --%s out", name)
		}
	}
	return nil
}

// exploreBeside explores two runs at once.
func (a commands) exploreBeside(ctx context.Context, path string, o exploreFlags, changed func(string) bool) error {
	if a.Flags.JSON {
		a.JSONHead("explore")
	}
	open := a.supposed
	if o.fromLive {
		open = a.fromLive
	}
	first, err := open(ctx, path, o.world)
	if err != nil {
		return err
	}
	if len(first.Scenario.Faults) > 0 {
		return app.Usagef("scenario %s: its faults are for one run, and --with tries two: leave them out", o.world.scenario)
	}
	world := o.world
	world.beside, world.own = true, o.beside.params
	second, err := a.rehearsal(ctx, o.beside.script, world, nil)
	if err != nil {
		return err
	}
	if changed("seed") {
		first.Setup.Seed = o.seed
	}
	p := pairAgain{again{app: a.App, path: path, foreign: first.foreign || second.foreign, flags: o, seeded: changed("seed")}, world.pairsFor(second.Header)}
	ex := first.Pair(second.Rehearsal)
	ex.Workers, ex.Limit, ex.Within = o.workers, o.limit, o.within
	if changed("after") {
		t, err := ex.Reproduce(ctx, o.beside.after)
		if err != nil {
			return err
		}
		return a.triedPair(&t, p)
	}
	meter := newMeter(a.App)
	ex.Progress = meter.show
	found, err := ex.Explore(ctx)
	meter.clear()
	if err != nil {
		return err
	}
	if found.Blocked != nil {
		return fmt.Errorf("explore two runs at once: %w; see it with: %s", found.Blocked, p.alone(found.Blocked))
	}
	if err := a.exploredPair(found, acceptedLines(ex.Setup.Accepts, found.Accepted), ex.Locks, p); ctx.Err() == nil {
		return err
	}
	return app.ExitWith(app.ExitInterrupted)
}

func (a commands) exploredPair(x *simulate.Paired, accepted []acceptedLine, locks []string, again pairAgain) error {
	if a.Flags.JSON {
		for i := range x.Failures {
			a.JSONLine(again.line(&x.Failures[i]))
		}
		a.JSONLine(pairedLine{"explored_pair", x.Orders, x.Conflicts, x.Outcomes, x.Broken, accepted, locks, x.Opaque, x.Apart, x.Why != "", x.Left, x.Why})
	} else {
		for i := range x.Failures {
			a.pairFailure(&x.Failures[i], again)
		}
		a.pairedSummary(x, accepted, locks, again)
	}
	a.Note("%s in %s\n", app.Counted(x.Orders, "order"), effect.FormatDuration(x.Wall.Round(time.Millisecond)))
	if x.Broken > 0 || x.Why != "" && !again.flags.bounded[x.Why] {
		return app.ExitWith(app.ExitFailed)
	}
	return nil
}

func (a commands) pairedSummary(x *simulate.Paired, accepted []acceptedLine, locks []string, again pairAgain) {
	s := a.OutStyle
	if x.Conflicts == 0 {
		a.Result("no effect of one run touches what the other one does: all orders are one\n")
	} else {
		a.Result("%s beside one after the other, by %s of effects that touch the same:\n", app.Counted(x.Orders, "order"), app.Counted(x.Conflicts, "pair"))
	}
	for _, o := range slices.Sorted(maps.Keys(x.Outcomes)) {
		a.Result("%8d  %s\n", x.Outcomes[o], view.Clean(o))
	}
	if len(locks) > 0 {
		a.Result("both take %s: the run that begins later is refused, whatever the order\n", strings.Join(locks, ", "))
	}
	if x.Why != "" {
		why := map[string]string{"limit": fmt.Sprintf("--limit is %d", again.flags.limit),
			"time": "--within is " + effect.FormatDuration(again.flags.within), "interrupted": "interrupted"}[x.Why]
		a.Result("%s\n", s.Yellow(fmt.Sprintf("not all was explored (%s): %d more orders are known", why, x.Left)))
	}
	if x.Opaque > 0 {
		a.Result("%s\n", s.Yellow(fmt.Sprintf("opaque to this rehearsal: %s of both runs; nobody said what they change, and no order of them was tried", app.Counted(x.Opaque, "write"))))
	}
	if x.Apart > 0 {
		a.Result("%s\n", s.Yellow(fmt.Sprintf("in %s what both changed was not compared: at another time the runs end otherwise, and one after the other does not tell what it ought to be", app.Counted(x.Apart, "order"))))
	}
	all := a.accepted(accepted, "order", false)
	switch {
	case x.Broken > 0:
		a.Result("%s\n", s.Red(fmt.Sprintf("%d of %s broke an invariant", x.Broken, app.Counted(x.Orders, "order"))))
	case x.Why != "":
		a.Result("%s\n", s.Yellow(all+" held in what was explored"))
	default:
		a.Result("%s\n", s.Green(all+" held"))
	}
}

// pairFailure prints one way in which two runs harm each other.
func (a commands) pairFailure(t *simulate.PairTrial, again pairAgain) {
	s := a.OutStyle
	for _, v := range t.Broken {
		a.Result("%s %s\n", s.Red("✗"), s.Bold(view.Clean(v.Invariant)))
		if v.Message != "" {
			a.Result("  %s\n", app.Indented(view.Clean(v.Message)))
		}
	}
	a.Result("  %s: %s\n", inWhichOrder(t.After), t.Ends())
	a.Result("  again with: %s\n\n", again.command(t.After))
	a.pairTimeline(t, "  ")
	a.Result("\n")
}

// pairTimeline prints what both runs did to the world.
func (a commands) pairTimeline(t *simulate.PairTrial, indent string) {
	for _, f := range t.Timeline() {
		a.Result("%s%s  %-6s  %s\n", indent, f.At.Format("15:04:05.000"), [2]string{"first", "second"}[f.Run-1], view.Clean(f.Line()))
	}
}

// triedPair prints one order.
func (a commands) triedPair(t *simulate.PairTrial, again pairAgain) error {
	if a.Flags.JSON {
		a.JSONLine(again.line(t))
	} else {
		a.pairTimeline(t, "")
		a.Result("\n%s: %s\n", inWhichOrder(t.After), t.Ends())
		a.verdict(t.Broken, t.Accepted)
	}
	if len(t.Broken) > 0 {
		return app.ExitWith(app.ExitFailed)
	}
	return nil
}

// inWhichOrder says which run begins when.
func inWhichOrder(after time.Duration) string {
	switch {
	case after < 0:
		return "the first begins " + (-after).String() + " after the second"
	case after == 0:
		return "both begin at once"
	}
	return "the second begins " + after.String() + " after the first"
}

// pairAgain writes the commands that show one order again.
type pairAgain struct {
	again
	pairs []string // the parameters of the second run
}

func (g pairAgain) command(after time.Duration) string {
	words := append([]string{"--with", app.Absolute(g.flags.beside.script)}, toldPairs("--with-param", g.flags.beside.params)...)
	return g.again.line("explore", append(words, "--after="+after.String())...)
}

// alone writes the command that rehearses the run that comes to no end alone.
func (g pairAgain) alone(e *simulate.AloneError) string {
	if e.Run == 0 {
		return g.again.line("simulate")
	}
	words := g.flags.world
	words.pairs = g.pairs
	return g.app.OnScript("simulate", g.flags.beside.script, g.foreign, words.told()...)
}

// line is one order as --json prints it.
func (g pairAgain) line(t *simulate.PairTrial) pairLine {
	line := pairLine{Type: "order", After: t.After.Seconds(), Outcome: t.Ends(), Took: t.Took.Seconds(), Broken: []brokenLine{}, Again: g.command(t.After),
		Timeline: []pairFactLine{}}
	for _, v := range t.Broken {
		line.Broken = append(line.Broken, brokenLine{Invariant: v.Invariant, Message: v.Message})
	}
	for _, v := range t.Accepted {
		line.Accepted = append(line.Accepted, brokenLine{Invariant: v.Invariant, Message: v.Message})
	}
	for _, f := range t.Timeline() {
		line.Timeline = append(line.Timeline, pairFactLine{f.Run, f.Fact(t)})
	}
	return line
}
