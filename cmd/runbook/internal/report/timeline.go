package report

import (
	"slices"
	"strings"
	"time"

	"github.com/q-ecosystem/runbook/cmd/runbook/internal/view"
	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/history"
)

// Activity is what a run does at a time.
type Activity string

// Activities. What a system did at the script's word is work, in a rollback as
// well; a gate that measures back to back is a bake, and people are waited for until
// they answer a question, or take on a page.
const (
	Work    Activity = "work"
	Bake    Activity = "bake"
	Sleep   Activity = "sleep"
	People  Activity = "people"
	Undo    Activity = "rollback"
	Stopped Activity = "stopped" // no runner carried it
)

// Activities returns all, in the order of a legend.
func Activities() []Activity { return []Activity{Work, Bake, Sleep, People, Undo, Stopped} }

// Timeline is what the run did, by steps.
type Timeline struct {
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
	Rows []Row     `json:"rows"`
}

// Row is a step, or what stands in none.
type Row struct {
	Name   string    `json:"name"`
	Branch string    `json:"branch,omitempty"`
	Depth  int       `json:"depth"`
	From   time.Time `json:"from"`
	To     time.Time `json:"to"`
	Result string    `json:"result"`         // done, failed, under way, cut short, stopped
	Text   string    `json:"text,omitempty"` // of the failure
	Bars   []Bar     `json:"bars"`

	apart bool // it is no step: what lies between its bars is none of its time
}

// Took is how long the step took, or what the bars of a row that is none do.
func (r Row) Took() time.Duration {
	if r.apart {
		return effect.Seconds(union(r.Bars))
	}
	return r.To.Sub(r.From)
}

// Bar is one stretch of an activity.
type Bar struct {
	What Activity  `json:"what"`
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
	Text string    `json:"text"`
}

// timeline lays the run out: a row for each step, bars for its effects.
func (m *maker) timeline() {
	t := &m.r.Timeline
	t.From, t.To = m.r.Started, m.r.Last
	visits := slices.Clone(m.Visits)
	slices.SortStableFunc(visits, func(a, b *history.Visit) int { return a.At.Compare(b.At) })
	bars := m.bars()
	loose := Row{Name: "outside of steps", From: t.To, To: t.From, Result: "done", apart: true}
	rows := make([]Row, len(visits))
	for i, v := range visits {
		rows[i] = Row{Name: view.Line(v.Name), Branch: v.Place.BranchName(), Depth: v.Depth, From: v.At.UTC(), To: v.Left.UTC(), Result: "done"}
		row := &rows[i]
		if v.Rollback {
			row.Name, row.Branch = "rollback: "+row.Name, ""
		}
		if !v.Ended {
			row.To, row.Result = t.To, "under way"
			if m.r.Ended || m.Rolling() && !v.Place.InRollback() {
				row.Result = "cut short"
			}
		}
		if v.Err != nil {
			row.Result, row.Text = "failed", view.Clean(v.Err.Message)
		}
	}
	for _, b := range bars {
		if i := innermost(visits, b.place, b.From, t.To); i >= 0 {
			rows[i].Bars = append(rows[i].Bars, b.Bar)
			continue
		}
		loose.Bars = append(loose.Bars, b.Bar)
		loose.From, loose.To = earlier(loose.From, b.From), later(loose.To, b.To)
	}
	if len(loose.Bars) > 0 {
		rows = append(rows, loose)
	}
	stops := m.stops()
	if len(stops) > 0 {
		rows = append(rows, Row{Name: "no runner", From: stops[0].From, To: stops[len(stops)-1].To, Result: "stopped", Bars: stops, apart: true})
	}
	t.Rows = rows
	for _, what := range Activities() {
		var spans []Bar
		for _, r := range rows {
			for _, b := range r.Bars {
				if b.What == what {
					spans = append(spans, b)
				}
			}
		}
		if seconds := union(spans); seconds > 0 {
			m.r.Times = append(m.r.Times, Share{what, seconds})
		}
	}
}

// placed is a bar with the place of what it stands for.
type placed struct {
	Bar
	place effect.Place
}

// bars makes one of each effect that took time, and one of each composite.
func (m *maker) bars() []placed {
	gates := map[effect.Place]bool{}
	for _, g := range m.Account.Gates {
		gates[g.Place] = true
	}
	paged := map[effect.Place]bool{} // composites that call people, and wait for one
	for _, e := range m.Effects {
		if whole, in := e.Place.Composite(); in && e.Op == opAcknowledged {
			paged[whole] = true
		}
	}
	now, reads := m.r.Last, readsBegan(m.Events)
	var list []placed
	at := map[effect.Place]int{} // of composites
	for _, e := range m.Effects {
		if e.Class == effect.Value {
			if _, in := e.Place.Composite(); !in {
				continue
			}
		}
		b := placed{Bar{Work, e.Began.UTC(), now, m.describe(e)}, e.Place}
		if from, ok := reads[e.Place]; ok && !e.Intended {
			b.From = from.UTC()
		}
		switch {
		case e.State == history.Closed:
			b.To = e.Ended.UTC()
		case m.Rolling() && !e.Place.InRollback() && e.Place.Line() == "":
			b.To = m.RollbackAt.UTC()
		}
		switch {
		case e.Op == effect.OpSleep:
			b.What = Sleep
		case effect.Asks(e.Op):
			b.What = People
		case e.Place.InRollback():
			b.What = Undo
		}
		if b.What == People {
			title, _ := argsOf(e)["title"].(string)
			b.Text = "question: " + view.Line(title)
		}
		whole, in := e.Place.Composite()
		if !in || b.What == People {
			list = append(list, b)
			continue
		}
		if b.What == Sleep {
			b.What = Work // a pause between two looks
		}
		switch {
		case gates[whole]:
			b.What = Bake
		case paged[whole]:
			b.What = People
		}
		if e.Place.InRollback() {
			b.What = Undo
		}
		b.place = whole
		if i, seen := at[whole]; seen {
			list[i].To = later(list[i].To, b.To)
			if strings.HasPrefix(list[i].Text, effect.ControlModule+".") {
				list[i].Text = b.Text
			}
			continue
		}
		at[whole] = len(list)
		list = append(list, b)
	}
	return list
}

// stops tells when no runner carried the run: before each time at which somebody
// took it up, from the status in which it rested, or from the last that was heard of
// a runner that died.
func (m *maker) stops() []Bar {
	var list []Bar
	for i, t := range m.Turns {
		if t.By == "" || t.Status.Terminal() {
			continue
		}
		from, why := t.Before, "the runner died"
		if i > 0 {
			switch last := m.Turns[i-1]; last.Status {
			case effect.StatusWaiting, effect.StatusUnknown, effect.StatusInterrupted:
				from, why = last.At, strings.ReplaceAll(string(last.Status), "_", " ")
			}
		}
		list = append(list, Bar{Stopped, from.UTC(), t.At.UTC(), why + "; taken up by " + view.Line(t.By)})
	}
	return list
}

// innermost finds the visit that a place stood in at a moment; -1 for none.
func innermost(visits []*history.Visit, place effect.Place, at, end time.Time) int {
	found := -1
	for i, v := range visits {
		left := v.Left
		if !v.Ended {
			left = end
		}
		if at.Before(v.At) || at.After(left) {
			continue
		}
		line := v.Place.Line()
		if v.Rollback {
			line = v.Place
		}
		if !place.Within(line) || place.InRollback() != v.Place.InRollback() {
			continue
		}
		if found < 0 || v.Depth >= visits[found].Depth {
			found = i
		}
	}
	return found
}

// union adds up stretches of time, what overlaps once.
func union(bars []Bar) float64 {
	bars = slices.Clone(bars)
	slices.SortFunc(bars, func(a, b Bar) int { return a.From.Compare(b.From) })
	var sum time.Duration
	var until time.Time
	for _, b := range bars {
		from := later(b.From, until)
		if b.To.After(from) {
			sum += b.To.Sub(from)
		}
		until = later(until, b.To)
	}
	return sum.Seconds()
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// argsOf decodes an effect's arguments.
func argsOf(e *history.Effect) map[string]any {
	v, err := effect.Decode(e.Args)
	if err != nil {
		return nil
	}
	args, _ := v.(map[string]any)
	return args
}
