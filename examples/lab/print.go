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
