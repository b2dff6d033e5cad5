package operate

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/q-ecosystem/runbook/cmd/runbook/internal/cli/app"
	"github.com/q-ecosystem/runbook/cmd/runbook/internal/cli/rehearsal"
	"github.com/q-ecosystem/runbook/cmd/runbook/internal/config"
	"github.com/q-ecosystem/runbook/cmd/runbook/internal/view"
	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/simulate"
	"github.com/q-ecosystem/runbook/interpreter/window"
)

// addEmergency adds the flag of the commands that start runs.
func addEmergency(cmd *cobra.Command, why *string) {
	cmd.Flags().StringVar(why, "emergency", "", "start outside of the calendar, once people agree, for this reason: `WHY`")
}

// emergencyReason refuses an emergency without a reason.
func emergencyReason(cmd *cobra.Command, why string) error {
	if cmd.Flags().Changed("emergency") && strings.TrimSpace(why) == "" {
		return app.Usagef("--emergency wants the reason, which those who agree will read: --emergency WHY")
	}
	return nil
}

// mayStart holds a run that is about to start against the calendar of its
// environment: nothing starts in a freeze, or outside of the windows, nor what
// would not be done in time by its plan. As an emergency it starts all the same, with the
// question that is returned; why says why it is one. The moment is the one at which
// it is asked: what comes before, a dry run for example, takes its time.
func (s *session) mayStart(plan *simulate.Plan, why string) (question map[string]any, err error) {
	if s.unread != nil {
		return nil, app.Usage(fmt.Errorf("%s: %w\nmend that, or fork with a configuration that can be read: --config-now, with --config FILE and --env ENV if it is another one\n"+
			"nothing was started", s.untold(), s.unread))
	}
	closed := s.closed(s.now(), plan)
	switch {
	case closed == "" && why != "":
		return nil, app.Usagef("--emergency: no calendar keeps a run from starting in the environment %q now; leave it out", s.env)
	case closed == "":
		return nil, nil
	case why == "":
		return nil, app.Usage(errors.New(closed + "\nstart it when the calendar lets it, or as an emergency, to which people have to agree, with --emergency WHY\nnothing was started"))
	}
	question = maps.Clone(s.calendar.Emergency)
	question["title"] = "start in an emergency?"
	question["detail"] = why + "\n" + closed
	return question, nil
}

// longestDryRun bounds the dry run before a start: systems that do not answer the
// reads of a dry run keep nobody from starting.
const longestDryRun = 2 * time.Minute

// foreseen returns the plan by which a run is held against the calendar: the one
// that it was given, or else that of a dry run which is made for it, where the
// calendar closes some time. It says by what it goes, and where it cannot know; again is
// the command that shows the same dry run, "" where there is none.
func (s *session) foreseen(ctx context.Context, plan *simulate.Plan, dryRun func(context.Context) (*simulate.Plan, string), again string) (*simulate.Plan, error) {
	if plan != nil || s.calendar == nil {
		return plan, nil
	}
	now := s.now()
	open, found := s.calendar.Next(now, 0)
	if !found || !open.From.Equal(now) || open.To.IsZero() { // it is refused, or never closes
		return nil, nil
	}
	ctx, cancel := context.WithTimeoutCause(ctx, longestDryRun, fmt.Errorf("it took longer than %s", effect.FormatDuration(longestDryRun)))
	defer cancel()
	go func() {
		select {
		case <-s.app.Stopping:
			cancel()
		case <-ctx.Done():
		}
	}()
	plan, why := dryRun(ctx)
	select {
	case <-s.app.Stopping:
		return nil, &effect.Stop{Cause: effect.Interrupted, Err: errors.New("interrupted in the dry run that is made before the start: nothing was started")}
	default:
	}
	until := fmt.Sprintf("the calendar %s closes %s", s.calendar.Name, open.Clock(open.To))
	if plan == nil {
		s.say("when it will end is not known, and " + until + ": " + why)
		if again != "" {
			s.advise(view.Advice{}.With("see the dry run with:", again))
		}
		return nil, nil
	}
	took := effect.Seconds(plan.Took)
	end, waits := s.now().Add(took), ""
	if len(plan.Work()) > 1 {
		end, waits = plan.Start.Add(took), " with its waits"
	}
	text := fmt.Sprintf("by a dry run just made it takes %s%s, and ends %s", effect.FormatDuration(took.Round(time.Second)), waits, open.Clock(end))
	if len(plan.Approvals) > 0 {
		text += " if people answer at once"
	}
	s.say(text + "; " + until)
	return plan, nil
}

// ahead is where a fork of the session's run would start.
func (s *session) ahead() rehearsal.Ahead {
	return rehearsal.Ahead{Engine: s.engine, Catalog: s.tree.Catalog, World: s.host, Env: s.env, People: s.people, Calendars: s.calendarNamed}
}

// closed says why nothing may start now; "" if it may. By a plan the calendar has to
// stay open until the run ends, or first waits for a moment that its script names.
// What it does after such a wait goes by that moment, which the script has held
// against a window of its own, perhaps; freezes count for it all the same.
func (s *session) closed(now time.Time, plan *simulate.Plan) string {
	if s.calendar == nil {
		return ""
	}
	work := []simulate.Work{{}}
	if plan != nil {
		work = plan.Work()
	}
	lets := "the calendar " + s.calendar.Name + " lets nothing start: "
	if why := s.calendar.Closed(now, effect.Seconds(work[0].Took())); why != "" {
		return lets + why
	}
	for _, w := range work[1:] {
		at := plan.Start.Add(effect.Seconds(w.From)) // it waits for a moment, not for a time
		if at.Before(now) {
			at = now
		}
		if why := s.calendar.Unwindowed().Closed(at, effect.Seconds(w.Took())); w.Changes && why != "" {
			return lets + "by its plan it waits, and then goes on: " + why
		}
	}
	return ""
}

// calendarNamed finds a calendar that a script names, as the file of the run's
// configuration has it now: freezes are for all, whenever they began.
func (s *session) calendarNamed(name string) (window.Calendar, error) {
	return app.CalendarNamed(s.on.Env, name)
}

// calendarToday is that of an environment that a run has pinned, as its file has it
// now: freezes are for all, whenever they began. A run without a file has none. An
// error leaves open whether one is closed, and who agrees to an emergency.
func calendarToday(env *config.Environment) (*config.Calendar, error) {
	if env.File() == "" {
		return nil, nil
	}
	cfg, err := config.Load(env.File())
	if err != nil {
		return nil, err
	}
	now, err := cfg.Environment(env.Name)
	if err != nil {
		return nil, err
	}
	return now.Calendar(), nil
}

// untold says of a run that exists what its calendar does not tell.
func (s *session) untold() string {
	return fmt.Sprintf("whether a calendar lets anything start in the environment %q today cannot be told", s.env)
}

// stillClosed says of a run that goes on whether anything might start now; "" if so.
func (s *session) stillClosed() string {
	closed := s.closed(s.now(), nil)
	switch {
	case s.unread != nil:
		return s.untold() + ": " + s.unread.Error()
	case closed != "":
		return closed
	}
	return ""
}
