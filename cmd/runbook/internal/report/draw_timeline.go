package report

import (
	"fmt"
	"strings"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// moments are those at which something begins or ends, for the scale of all
// drawings of a run.
func (r *Report) moments() []time.Time {
	list := []time.Time{r.Timeline.From, r.Timeline.To}
	for _, row := range r.Timeline.Rows {
		list = append(list, row.From, row.To)
		for _, b := range row.Bars {
			if b.What != Work || b.To.Sub(b.From) > time.Second {
				list = append(list, b.From, b.To)
			}
		}
	}
	return list
}

// labels is the room for names beside a wide drawing.
const labels = 290.0

// drawTimeline draws the steps below each other, each with what was done in it.
func drawTimeline(r *Report, class string) drawing {
	d := drawing{Class: class, W: wide, Label: fmt.Sprintf("%d steps over %s; the table beside has the same", len(r.Timeline.Rows), effect.FormatDuration(effect.Seconds(r.Took)))}
	left, height, bar, above := labels, 24.0, 14.0, 0.0
	if class == "narrow" {
		d.W, left, height, above = narrow, 4, 36, 16
	}
	s := newScale(r.moments(), left, d.W-left-6)
	y := 8.0
	foot := y + float64(len(r.Timeline.Rows))*height
	apart := 72.0
	for _, t := range s.ticks(apart) {
		d.line("grid", t.x, y, t.x, foot)
		anchor := "middle"
		if t.x < left+20 {
			anchor = "start"
		} else if t.x > d.W-30 {
			anchor = "end"
		}
		d.text("tick", anchor, t.x, foot+16, t.text, 0)
	}
	for _, x := range s.cuts {
		d.line("cut", x-3, foot+6, x+1, foot-4)
		d.line("cut", x+1, foot+6, x+5, foot-4)
	}
	for _, row := range r.Timeline.Rows {
		name := row.Name
		if row.Branch != "" {
			name = "[" + row.Branch + "] " + name
		}
		indent := float64(min(row.Depth, 4)) * 12
		class := "name"
		if row.Result == "failed" {
			class, name = "name bad", "✗ "+name
		}
		if above > 0 {
			d.text(class, "start", left+indent, y+11, name, d.W-left-indent-70)
			d.text("tick", "end", d.W-4, y+11, effect.FormatDuration(rounded(row.Took())), 0)
		} else {
			d.text(class, "start", 4+indent, y+height/2+4, name, left-indent-66)
			d.text("tick", "end", left-8, y+height/2+4, effect.FormatDuration(rounded(row.Took())), 0)
		}
		top := y + above + (height-above-bar)/2
		from, to := s.x(row.From), s.x(row.To)
		d.rect("step", from, top, max(to-from, 2), bar, name)
		for _, b := range row.Bars {
			from, to := s.x(b.From), s.x(b.To)
			d.rect("act "+string(b.What), from, top, max(to-from, 1.5), bar, fmt.Sprintf("%s, %s", b.Text, effect.FormatDuration(rounded(b.To.Sub(b.From)))))
		}
		y += height
	}
	d.H = foot + 24
	return d
}

// rounded leaves out what nobody reads.
func rounded(t time.Duration) time.Duration {
	switch {
	case t >= time.Minute:
		return t.Round(time.Second)
	case t >= time.Second:
		return t.Round(100 * time.Millisecond)
	case t >= time.Millisecond:
		return t.Round(time.Millisecond)
	}
	return t.Round(time.Microsecond)
}

// drawLevels draws what was set of a subject as steps, and what was seen as dots.
func drawLevels(r *Report, s Subject, class string) drawing {
	d := drawing{Class: class, W: wide, H: 220, Label: "what was set (lines) and seen (dots) of " + s.Name + ": " + strings.Join(s.Names, ", ")}
	left := labels // in line with the timeline
	if class == "narrow" {
		d.W, d.H, left = narrow, 200, 40
	}
	sc := newScale(r.moments(), left, d.W-left-6)
	top, foot := 10.0, d.H-26
	low, high := s.bounds()
	y := func(v float64) float64 { return foot - (v-low)/(high-low)*(foot-top) }
	for i := range 5 {
		v := low + (high-low)*float64(i)/4
		d.line("grid", left, y(v), d.W-6, y(v))
		d.text("tick", "end", left-6, y(v)+4, fmt.Sprintf("%.4g%s", v, s.Unit), 0)
	}
	for _, t := range sc.ticks(72) {
		anchor := "middle"
		if t.x < left+20 {
			anchor = "start"
		} else if t.x > d.W-30 {
			anchor = "end"
		}
		d.text("tick", anchor, t.x, foot+18, t.text, 0)
	}
	for i, name := range s.Names {
		var set [][2]float64
		color := fmt.Sprintf("c%d", i%6)
		for _, p := range s.Points {
			if v := p.Set[name]; v != nil && (p.Sets || len(set) == 0) {
				set = append(set, [2]float64{sc.x(p.At), y(*v)})
			}
		}
		d.steps("set "+color, set, sc.x(r.Timeline.To))
		for _, p := range s.Points {
			if v := p.Seen[name]; v != nil {
				d.dot("seen "+color, sc.x(p.At), y(*v), 3, fmt.Sprintf("%s %.4g%s at %s", name, *v, s.Unit, p.At.Format("15:04:05")))
			}
		}
		if left > 200 {
			d.rect("key "+color, 4, 14+float64(i)*20, 12, 12, "")
			d.text("name", "start", 22, 24+float64(i)*20, name, left-90)
		}
	}
	return d
}

// bounds are the ends of a subject's axis: percents have their own.
func (s Subject) bounds() (low, high float64) {
	if s.Unit == "%" {
		return 0, 100
	}
	for _, p := range s.Points {
		for _, n := range s.Names {
			for _, v := range []*float64{p.Set[n], p.Seen[n]} {
				if v != nil {
					low, high = min(low, *v), max(high, *v)
				}
			}
		}
	}
	if high == low {
		high = low + 1
	}
	return low, high
}

// drawMetric draws what a gate measured of one metric beside its threshold.
func drawMetric(g Gate, m Metric) drawing {
	d := drawing{Class: "small", W: narrow - 20, H: 110, Label: m.Name + " of " + g.Target + " beside its threshold " + m.Threshold}
	const left, top = 6.0, 26.0
	foot, width := d.H-8, d.W-12
	var low, high float64
	if m.Bound != nil {
		low, high = *m.Bound, *m.Bound
	}
	if m.Bound != nil && m.Warning != nil {
		low, high = min(low, *m.Warning), max(high, *m.Warning)
	}
	seen := 0
	for _, one := range g.Measurements {
		if v := one.Values[m.Name]; v != nil {
			if seen == 0 && m.Bound == nil {
				low, high = *v, *v
			}
			low, high = min(low, *v), max(high, *v)
			seen++
		}
	}
	if pad := (high - low) * 0.12; pad > 0 {
		low, high = low-pad, high+pad
	} else {
		low, high = low-1, high+1
	}
	y := func(v float64) float64 { return foot - (v-low)/(high-low)*(foot-top) }
	d.text("name", "start", left, 14, m.Name+" "+m.Threshold, width)
	d.line("grid", left, foot, left+width, foot)
	if m.Bound != nil {
		d.line("bound", left, y(*m.Bound), left+width, y(*m.Bound))
	}
	if m.Bound != nil && m.Warning != nil {
		d.line("warning", left, y(*m.Warning), left+width, y(*m.Warning))
	}
	n := len(g.Measurements)
	x := func(i int) float64 {
		if n < 2 {
			return left + width/2
		}
		return left + 4 + (width-8)*float64(i)/float64(n-1)
	}
	var points [][2]float64
	for i, one := range g.Measurements {
		if v := one.Values[m.Name]; v != nil {
			points = append(points, [2]float64{x(i), y(*v)})
		}
	}
	d.joined("measured", points)
	for i, one := range g.Measurements {
		v := one.Values[m.Name]
		switch {
		case v == nil:
			d.text("bad", "middle", x(i), foot-2, "✗", 0)
		case one.Breaks(m.Name):
			d.dot("point bad", x(i), y(*v), 4, one.Texts[m.Name])
		case n <= 60:
			d.dot("point", x(i), y(*v), 2.5, one.Texts[m.Name])
		}
	}
	return d
}
