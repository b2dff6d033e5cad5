package lab

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// printStart says where a lab that has started listens, on lines that fit into
// 80 columns unless a path does not.
func printStart(out io.Writer, info Info, rate int, all bool) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	line := func(name, where, note string) { fmt.Fprintf(w, "%s\t%s\t%s\n", name, place(info.Dir, where), note) }
	line("proxy", info.Proxy, fmt.Sprintf("%d requests a second to blue %s", rate, firstVersion))
	for _, name := range environments() {
		line(name, info.Services[name], "a web service")
	}
	line("runtime API", info.Socket, "as HAProxy's, pool "+info.Pool)
	line("mail", info.SMTP, "takes what is sent; see: lab status")
	line("webhook", info.Webhook, "the same")
	for _, s := range info.Systems {
		line(s.Name, s.Where, s.Note)
	}
	if err := w.Flush(); err != nil {
		return fmt.Errorf("start lab: %w", err)
	}
	for _, a := range info.Absent {
		fmt.Fprintf(out, "left out: %s: %s\n", a.Name, a.Why)
	}
	if !all {
		fmt.Fprintf(out, "More systems, where they are installed (%s): --with all\n", strings.Join(Systems(), ", "))
	}
	fmt.Fprintf(out, "\nIn another terminal:\n  export RUNBOOK_LAB=%s\n  export RUNBOOK_CONFIG=%s\n  runbook plugins verify\n\nThe lab runs until Ctrl-C.\n",
		shellWord(info.Dir), shellWord(info.Config))
	return nil
}

// place shortens the path of what is in the lab's directory.
func place(dir, where string) string {
	if rest, ok := strings.CutPrefix(where, dir+"/"); ok {
		return rest
	}
	return where
}

// shellWord writes a text as a word of a shell.
func shellWord(s string) string {
	plain := func(r rune) bool {
		return r == '/' || r == '.' || r == '-' || r == '_' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
	}
	if s != "" && strings.IndexFunc(s, func(r rune) bool { return !plain(r) }) < 0 {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\\''`) + "'"
}

// PrintState prints a state for people.
func PrintState(out io.Writer, s State) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "ENV\tVERSION\tWEIGHT\tSTATUS\tSESSIONS\tREQUESTS\tFAULT")
	for _, server := range s.Servers {
		env := s.Environments[server.Name]
		version := env.Version
		switch {
		case env.Incoming != "":
			version = env.Incoming + " (deploying)"
		case version == "":
			version = "-"
		}
		fmt.Fprintf(w, "%s\t%s\t%d\t%s\t%d\t%d\t%s\n", server.Name, version, server.Weight, server.Status,
			server.Sessions, server.Total, env.Fault)
	}
	if err := w.Flush(); err != nil {
		return fmt.Errorf("print state: %w", err)
	}
	fmt.Fprintf(out, "\nload through %s: %d requests a second: %s\n", s.Proxy, s.Rate, s.Load)
	var up, down []string
	for _, n := range s.Nodes {
		if n.Up {
			up = append(up, n.Name)
		} else {
			down = append(down, n.Name)
		}
	}
	if len(up) > 0 {
		fmt.Fprintf(out, "up: %s\n", strings.Join(up, ", "))
	}
	if len(down) > 0 {
		fmt.Fprintf(out, "down: %s\n", strings.Join(down, ", "))
	}
	for _, p := range s.Pages {
		fmt.Fprintf(out, "%s  page to %s, %s: %s\n", p.At.Local().Format(time.TimeOnly), p.To, p.Status, p.Text)
	}
	for _, i := range s.Incidents {
		fmt.Fprintf(out, "%s  status page: %s, %s: %s\n", i.At.Local().Format(time.TimeOnly), i.Title, i.Status, strings.Join(i.Said, " / "))
	}
	for _, m := range s.Messages {
		title := m.Title
		if title != "" {
			title += ": "
		}
		fmt.Fprintf(out, "%s  %s to %s: %s%s\n", m.At.Local().Format(time.TimeOnly), m.Via, m.To, title, m.Text)
	}
	return nil
}

// String returns "1000 sent, 999 ok, 1 failed (1 status 500), p50 5ms, …".
func (s Stats) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d sent, %d ok, %d failed", s.Sent, s.OK, s.Failed)
	if len(s.Errors) > 0 {
		b.WriteString(" (" + counts(s.Errors) + ")")
	}
	fmt.Fprintf(&b, ", p50 %s, p95 %s, p99 %s", effect.FormatDuration(s.P50), effect.FormatDuration(s.P95),
		effect.FormatDuration(s.P99))
	if len(s.ByVersion) > 0 {
		b.WriteString(", answers: " + counts(s.ByVersion))
	}
	return b.String()
}

// counts prints "900 v1.0.0, 100 v1.1.0", in the order of the names.
func counts(m map[string]uint64) string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	for i, name := range names {
		names[i] = fmt.Sprintf("%d %s", m[name], name)
	}
	return strings.Join(names, ", ")
}
