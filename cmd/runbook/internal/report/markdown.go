package report

import (
	"bytes"
	"fmt"
	"io"
	"strings"
)

// Markdown writes the report as tables for a wiki or a ticket.
func (r *Report) Markdown(w io.Writer) error {
	m := &markdown{r: r}
	m.head()
	m.course()
	m.measured()
	m.people()
	m.rest()
	_, err := w.Write(m.b.Bytes())
	return err
}

// markdown is a report under way. What the record holds is escaped.
type markdown struct {
	r *Report
	b bytes.Buffer
}

// cell escapes what Markdown or HTML would read in a text.
func cell(text string) string {
	text = strings.TrimSpace(text)
	var b strings.Builder
	for _, c := range text {
		switch {
		case strings.ContainsRune("\\`*_[]|~#", c):
			b.WriteByte('\\')
			b.WriteRune(c)
		case c == '<':
			b.WriteString("&lt;")
		case c == '&':
			b.WriteString("&amp;")
		case c == '\n':
			b.WriteString("<br>")
		default:
			b.WriteRune(c)
		}
	}
	return b.String()
}

func (m *markdown) section(title string) { fmt.Fprintf(&m.b, "\n## %s\n\n", title) }

// table writes rows, the first of which names the columns; nothing without any
// other.
func (m *markdown) table(title string, rows [][]string) {
	if len(rows) < 2 {
		return
	}
	if title != "" {
		m.section(title)
	}
	for i, row := range rows {
		for n := range row {
			row[n] = cell(row[n])
		}
		fmt.Fprintf(&m.b, "| %s |\n", strings.Join(row, " | "))
		if i == 0 {
			fmt.Fprintf(&m.b, "|%s\n", strings.Repeat(" --- |", len(row)))
		}
	}
}

func (m *markdown) head() {
	r := m.r
	fmt.Fprintf(&m.b, "# %s: %s, %s\n\n%s", r.Kind.title(), cell(r.Runbook), words(r.Status), r.Outcome)
	if r.Why != "" {
		fmt.Fprintf(&m.b, " %s", cell(r.Why))
	}
	m.b.WriteString("\n\n")
	rows := [][]string{{"", ""}, {"run", r.Run}, {"what it is for", r.Summary}, {"started", r.Started.Format("2006-01-02 15:04:05 UTC") + " by " + r.By},
		{"ended", r.Last.Format("2006-01-02 15:04:05 UTC")}, {"took", took(r.Took)}, {"environment", r.Env}, {"emergency change", r.Emergency}, {"forked from", forkedFrom(r)}, {"forked as", r.Successor}}
	if !r.Ended {
		rows[4][0] = "newest event"
	}
	if rec := r.Recovery; rec != nil {
		text := took(rec.Seconds) + ", " + rec.What
		if rec.Target > 0 {
			text += "; target " + took(rec.Target)
		}
		if rec.Verdict != "" {
			text += ": " + rec.Verdict
		}
		rows = append(rows, []string{"recovery", text})
	}
	for _, s := range r.Times {
		rows = append(rows, []string{"time: " + s.What.words(), took(s.Seconds)})
	}
	kept := rows[:1]
	for _, row := range rows[1:] {
		if row[1] != "" {
			kept = append(kept, row)
		}
	}
	m.table("", kept)
}

// forkedFrom names the run whose past this one has taken over.
func forkedFrom(r *Report) string {
	if r.Parent == "" {
		return ""
	}
	return r.Parent + ", whose record all is that happened before the start"
}

func (m *markdown) course() {
	r := m.r
	rows := [][]string{{"step", "from", "took", "result"}}
	for _, row := range r.Timeline.Rows {
		name := strings.Repeat("› ", row.Depth) + row.Name
		if row.Branch != "" {
			name = "(" + row.Branch + ") " + name
		}
		rows = append(rows, []string{name, r.clock(row.From), took(row.Took().Seconds()), strings.TrimSpace(row.Result + " " + row.Text)})
	}
	m.table("Timeline", rows)
	rows = [][]string{{"at", "what", "why"}}
	for _, f := range r.Failures {
		rows = append(rows, []string{r.clock(f.At), f.What + "\n" + f.origin(), string(f.Code) + ": " + f.Text})
	}
	m.table("Failures", rows)
	rows = [][]string{{"begun", "what", "settled"}}
	for _, u := range r.Unknown {
		text := u.Settled
		if u.By != "" {
			text += " by " + u.By
		}
		rows = append(rows, []string{r.clock(u.Began), u.What + " (effect " + string(u.Place) + ") " + u.Where, text + "\n" + u.Reason})
	}
	m.table("Unknown outcomes", rows)
}

func (m *markdown) measured() {
	r := m.r
	for _, s := range r.Levels {
		head := []string{"at", "by"}
		for _, n := range s.Names {
			head = append(head, n+" set", n+" observed")
		}
		rows := [][]string{head}
		for _, p := range s.Told() {
			row := []string{r.clock(p.At), p.What}
			for _, n := range s.Names {
				row = append(row, number(p.Set[n], s.Unit), number(p.Seen[n], s.Unit))
			}
			rows = append(rows, row)
		}
		m.table(cell(s.Name)+": set and observed", rows)
		if text := s.less(); text != "" {
			fmt.Fprintf(&m.b, "\n%s\n", text)
		}
	}
	for _, g := range r.Gates {
		head := []string{"at", "of " + took(g.During)}
		for _, metric := range g.Metrics {
			head = append(head, metric.Name+" "+metric.Threshold)
		}
		if g.Baseline != "" {
			head = append(head, "beside "+g.Baseline)
		}
		head = append(head, "samples", "age", "broken")
		if g.Warned {
			head = append(head, "warnings")
		}
		rows := [][]string{head}
		for _, one := range g.Measurements {
			row := []string{r.clock(one.At), took(one.Elapsed)}
			for _, metric := range g.Metrics {
				row = append(row, one.Texts[metric.Name])
			}
			if g.Baseline != "" {
				row = append(row, strings.Join(one.Compared, "; "))
			}
			row = append(row, number(one.Samples, ""), age(one.Age), strings.Join(one.Broken, "; "))
			if g.Warned {
				row = append(row, strings.Join(one.Warned, "; "))
			}
			rows = append(rows, row)
		}
		title := "Gate: " + g.Target + " " + g.Step + ", " + map[bool]string{true: "passed", false: "broken"}[g.Passed]
		m.table(cell(title), rows)
	}
}

func (m *markdown) people() {
	r := m.r
	rows := [][]string{{"asked", "question", "of", "waited", "outcome"}}
	for _, a := range r.Approvals {
		of := "anyone"
		if len(a.Of) > 0 {
			of = strings.Join(a.Of, ", ")
		}
		rows = append(rows, []string{r.clock(a.Asked), a.Title + "\n" + a.Detail, fmt.Sprintf("%d of %s", a.Count, of), took(a.Waited), a.Outcome})
	}
	m.table("Approvals", rows)
	for _, c := range r.Checklists {
		rows = [][]string{{"item", "answer", "at", "who", "note"}}
		for _, i := range c.Items {
			answer, who := i.Outcome, i.By
			if answer == "" {
				answer = "open"
			}
			if i.User != "" {
				who += " (" + i.User + ")"
			}
			note := i.Note
			if i.Evidence != "" {
				note += "\n" + i.Evidence + " sha256 " + i.SHA256
			}
			rows = append(rows, []string{i.Text, answer, r.clock(i.At), who, note})
		}
		m.table("Checklist: "+cell(c.Title)+", "+c.Outcome, rows)
	}
	rows = [][]string{{"at", "who", "what", "why"}}
	for _, d := range r.Decisions {
		who := d.By
		if d.User != "" {
			who += " (" + d.User + ")"
		}
		rows = append(rows, []string{r.clock(d.At), who, d.What, d.Reason})
	}
	m.table("Decisions", rows)
}

func (m *markdown) rest() {
	r := m.r
	rows := [][]string{{"at", "what", "step", "took", "outcome"}}
	for _, c := range r.Changes {
		rows = append(rows, []string{r.clock(c.At), c.What, c.Step, took(c.Took), c.Outcome})
	}
	m.table("What was done", rows)
	m.section("Against the plan")
	switch {
	case !r.Planned:
		m.b.WriteString("The run was not held to a plan.\n")
	case len(r.Deviations) == 0 && r.Ended:
		m.b.WriteString("The run did what the plan shows.\n")
	}
	rows = [][]string{{"", "deviation"}}
	for _, d := range r.Deviations {
		rows = append(rows, []string{d.Kind, d.Text})
	}
	m.table("", rows)
	rows = [][]string{{"parameter", "value"}}
	for _, p := range r.Params {
		rows = append(rows, []string{p.Name, p.Value})
	}
	m.table("Parameters", rows)
	rows = [][]string{{"at", "level", "text"}}
	for _, n := range r.Notes {
		rows = append(rows, []string{r.clock(n.At), n.Level, n.Text})
	}
	m.table("Log", rows)
	rows = [][]string{{"what", "name", "version", "SHA-256"}}
	for _, v := range r.Versions {
		rows = append(rows, []string{v.What, v.Name, v.Version, v.SHA256})
	}
	m.table("Versions and digests", rows)
	m.section("The record")
	verdict := "It is as it was written."
	if !r.Record.Intact {
		verdict = "**It is not as it was written:** " + cell(strings.Join(r.Record.Faults, "; "))
	}
	if r.Record.Export != "" {
		verdict += " It was read from " + cell(r.Record.Export) + "."
	}
	fmt.Fprintf(&m.b, "%d events in a chain of hashes; its head is `%s`. %s\n\nTimes are UTC. Made %s.\n", r.Record.Events, r.Record.Head, verdict,
		r.Made.Format("2006-01-02 15:04:05 UTC"))
}
