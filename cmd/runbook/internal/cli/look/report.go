package look

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/q-ecosystem/runbook/cmd/runbook/internal/cli/app"
	"github.com/q-ecosystem/runbook/cmd/runbook/internal/cli/rehearsal"
	"github.com/q-ecosystem/runbook/cmd/runbook/internal/report"
	"github.com/q-ecosystem/runbook/cmd/runbook/internal/view"
	"github.com/q-ecosystem/runbook/interpreter"
	"github.com/q-ecosystem/runbook/interpreter/journal"
	"github.com/q-ecosystem/runbook/interpreter/script"
)

func (a commands) reportCommand() *cobra.Command {
	formats := []string{"html", "md", "json"}
	var format, kind, file string
	var from export
	var target time.Duration
	cmd := &cobra.Command{
		Use:   "report RUN",
		Short: "Tell a run for people who were not there",
		Long: "Tell a run for people who were not there: how it came out, its timeline, what was set\n" +
			"and observed, every gate, who agreed and decided, what failed, how long the recovery\n" +
			"took, and the digests of all that took part. HTML is one file without scripts, with\n" +
			"drawings; it prints, and reads on a phone.\n\n" +
			"With --export the run is read from a file that `runbook audit export` or `runbook prune\n" +
			"--keep-audit` wrote: also where the journal is not, and of a run that was deleted. A\n" +
			"file that is not as it was written is refused.",
		Example: "  runbook report latest --out report.html\n" +
			"  runbook report latest --kind incident --format md\n" +
			"  runbook report 01a20790-3489 --export kept.jsonl --out report.html",
		Args:              app.Exactly("RUN"),
		ValidArgsFunction: a.CompleteRun,
		RunE: func(cmd *cobra.Command, argv []string) error {
			if !cmd.Flags().Changed("format") {
				switch ext := filepath.Ext(file); ext {
				case ".md":
					format = "md"
				case ".json":
					format = "json"
				case "", ".html", ".htm":
					format = "html"
				default:
					return app.Usagef("no format is known by the ending %s of --out: name it with --format, which is html, md or json", ext)
				}
			}
			if !slices.Contains(formats, format) {
				return app.Usagef("there is no format %q; %s", format, app.KnownOr(format, formats))
			}
			if kind != "" && !slices.Contains(report.Kinds(), kind) {
				return app.Usagef("there is no report of the kind %q; %s", kind, app.KnownOr(kind, report.Kinds()))
			}
			r, err := a.reportOf(cmd.Context(), argv[0], from, report.Kind(kind), target)
			if err != nil {
				return err
			}
			if a.Flags.JSON {
				a.JSONHead("report")
				a.JSONLine(reportLine{"report", r})
				return nil
			}
			var b bytes.Buffer
			if err := render(r, format, &b); err != nil {
				return err
			}
			if file == "" || file == "-" {
				return a.Exact(b.Bytes())
			}
			if err := os.WriteFile(file, b.Bytes(), 0o600); err != nil {
				return fmt.Errorf("write the report: %w", err)
			}
			a.Note("the report of run %s is in %s\n", journal.Short(r.Run), view.Line(file))
			return nil
		},
	}
	f := cmd.Flags()
	f.StringVar(&format, "format", "", "as `FORMAT`: html, md or json (default: by the ending of --out, or html)")
	f.StringVar(&kind, "kind", "", "what it is read for: `KIND` is deployment, rollback or incident (default: by what the run did)")
	f.StringVar(&file, "out", "", "write it to `FILE` (default: standard output)")
	f.StringVar(&from.path, "export", "", "read the run from the export `FILE`, not from the journal")
	f.StringVar(&from.public, "public-key", "", "the `FILE` of the public key by which the export has to be signed")
	app.DurationVar(f, &target, "recovery-target", "how `LONG` the recovery may take (default: recovery_target of the runbook)")
	app.CompleteFlag(cmd, "format", func() []string { return formats })
	app.CompleteFlag(cmd, "kind", report.Kinds)
	return cmd
}

// render writes a report. What people read holds nothing that does not print:
// it may be shown on a terminal, and a name may not turn the text around it.
func render(r *report.Report, format string, w io.Writer) error {
	write := r.HTML
	switch format {
	case "md":
		write = r.Markdown
	case "json":
		enc := json.NewEncoder(w)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", "  ")
		return enc.Encode(r)
	}
	var b bytes.Buffer
	if err := write(&b); err != nil {
		return err
	}
	_, err := io.WriteString(w, view.Clean(b.String()))
	return err
}

// reportOf makes the report of a run of the journal, or of an export.
func (a commands) reportOf(ctx context.Context, word string, from export, kind report.Kind, target time.Duration) (*report.Report, error) {
	if from.path == "" {
		if from.public != "" {
			return nil, app.Usagef("--public-key is for exports: name one with --export")
		}
		db, run, err := a.ReadRun(ctx, word)
		if err != nil {
			return nil, err
		}
		defer a.CloseDB(db)
		return a.report(ctx, db, run, kind, target)
	}
	x, err := from.open(ctx, word)
	if err != nil {
		return nil, err
	}
	defer x.close(a)
	r, err := a.report(ctx, x.db, x.run, kind, target)
	if err != nil {
		return nil, err
	}
	r.Record.Export = x.told(from.path)
	return r, nil
}

// report gathers what a report is made from.
func (a commands) report(ctx context.Context, db *journal.DB, run journal.Run, kind report.Kind, target time.Duration) (*report.Report, error) {
	in := report.Input{Run: run, Catalog: a.Catalog(), Kind: kind, Target: target, Made: time.Now()}
	var err error
	if in.Events, err = db.Events(ctx, run.ID, 0); err != nil {
		return nil, err
	}
	sources, err := db.Sources(ctx, run.ID)
	if err != nil {
		return nil, err
	}
	in.Emergency = emergencyOf(sources)
	main, files, err := app.RecordedScript(ctx, db, run)
	if err != nil {
		return nil, err
	}
	if header, err := script.ReadHeader(ctx, script.Options{Main: main, Loader: files, Catalog: in.Catalog}); err == nil {
		in.Fields, in.Summary = header.Params, header.Summary
		if target == 0 {
			in.Target = header.RecoveryTarget
		}
	}
	in.Deviations, in.Planned, err = rehearsal.Deviations(ctx, a.App, db, run)
	if err != nil {
		a.Note("the run cannot be compared with a plan: %s\n", app.Indented(view.Clean(err.Error())))
	}
	if in.Versions, err = a.versions(ctx, db, run, sources); err != nil {
		return nil, err
	}
	if in.Record, err = recordOf(ctx, db, run); err != nil {
		return nil, err
	}
	return report.Make(in), nil
}

// emergencyOf returns why a run was begun where nothing was to begin, as those read
// it who were asked; "" if it was not.
func emergencyOf(sources []journal.Source) string {
	for _, s := range sources {
		var asked struct {
			Detail string `json:"detail"`
		}
		if s.Name == interpreter.EmergencySource && json.Unmarshal(s.Text, &asked) == nil {
			return asked.Detail
		}
	}
	return ""
}

// versions lists what took part in a run, as it was.
func (a commands) versions(ctx context.Context, db *journal.DB, run journal.Run, sources []journal.Source) ([]report.Versioned, error) {
	pin, err := app.PinnedBy(ctx, db, run)
	if err != nil {
		return nil, err
	}
	var list []report.Versioned
	for _, s := range sources {
		what := "runbook"
		switch {
		case s.Name == interpreter.EnvironmentSource:
			what = "surroundings"
		case s.Name == interpreter.PlanSource:
			what = "plan"
		case s.Name == interpreter.EmergencySource:
			what = "emergency"
		case s.Name != run.Script:
			what = "required file"
		}
		list = append(list, report.Versioned{What: what, Name: view.Line(s.Name), SHA256: s.Hash})
	}
	if pin == nil {
		return list, nil
	}
	list = append(list, report.Versioned{What: "program", Name: "runbook", Version: pin.Program, SHA256: pin.Executable})
	if pin.File != "" {
		list = append(list, report.Versioned{What: "configuration", Name: view.Line(pin.File), Version: pin.Environment, SHA256: pin.SHA256})
	}
	for _, module := range slices.Sorted(maps.Keys(pin.Modules)) {
		for _, m := range pin.Modules[module] {
			v := report.Versioned{What: "plugin of " + module, Name: view.Line(m.Backend), Version: "in the program " + pin.Program}
			if len(pin.Modules[module]) > 1 {
				v.What += ", for " + strings.Join(m.Given, ", ")
			}
			if m.Plugin != "" {
				v.Name, v.Version, v.SHA256 = view.Line(m.Plugin), "", m.SHA256
			}
			list = append(list, v)
		}
	}
	return list, nil
}

// recordOf holds the run's record against its chain.
func recordOf(ctx context.Context, db *journal.DB, run journal.Run) (report.Record, error) {
	head, err := db.Head(ctx, run.ID)
	if err != nil {
		return report.Record{}, err
	}
	found, err := db.Verify(ctx, run.ID)
	if err != nil {
		return report.Record{}, err
	}
	rec := report.Record{Events: found.Events, Head: head.Hash, Intact: len(found.Faults) == 0}
	for _, f := range found.Faults {
		rec.Faults = append(rec.Faults, view.Clean(f.String()))
	}
	return rec, nil
}
