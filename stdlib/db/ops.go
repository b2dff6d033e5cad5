package db

import (
	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/stdlib/internal/field"
)

// copyName is how copies may be called, so that a name is one file's name
// everywhere, and never a hidden one.
const copyName = `[A-Za-z0-9_][A-Za-z0-9._-]{0,62}`

// Module returns what there is under the name db.
func Module() effect.Module {
	db := field.Text("db", "which database; the configured one if left out")
	read := func(name, doc string, args []effect.Field, returns ...effect.Field) effect.Op {
		return effect.Op{Module: "db", Name: name, Doc: doc, Class: effect.Read, Args: append(args, db), Returns: returns}
	}
	judge := func(op effect.Op) effect.Op {
		op.Judges = true
		return op
	}
	look := func(name, doc string, args []effect.Field, returns ...effect.Field) effect.Op {
		op := read(name, doc, args, returns...)
		op.Answers = true
		return op
	}
	write := func(name, doc string, args []effect.Field, returns ...effect.Field) effect.Op {
		return effect.Op{Module: "db", Name: name, Doc: doc, Class: effect.Write, Recovery: effect.Observe,
			Args: append(args, db), Returns: returns}
	}
	args := func(list ...effect.Field) []effect.Field { return list }
	sql := field.Need("sql", "one statement")
	params := effect.Field{Name: "params", Type: effect.List, Elem: &effect.Field{Type: effect.Any},
		Doc: "values for its placeholders"}
	node := field.Text("node", "which node; the primary if left out")
	kind := func(preset bool) effect.Field {
		return field.Choice("type", "what it holds: everything, or what changed since the last full or the last of any type",
			preset, "full", "diff", "incr")
	}
	began, ended := field.Of("began", effect.Number, "when it began, in seconds since 1970"), field.Of("ended", effect.Number, "when it was complete")

	called := func(f effect.Field) effect.Field {
		f.Pattern = copyName
		return f
	}

	// The transaction also writes a row that names the effect: whoever finds
	// the row knows that the statement was carried out.
	exec := write("exec", "Run a statement that changes data, in a transaction that also notes the effect in a table", args(sql, params, field.Timeout("5m"),
		field.Choice("recovery", `what to do where the outcome is not known: look for the note, or "retry" if it may safely run twice, or "ask" a person; "observe" if left out`, false, "observe", "retry", "ask")),
		field.Of("rows", effect.Int, "how many rows it changed"))
	exec.RecoveryArg = "recovery"

	restore := write("restore", "Restore a backup into a copy beside the live data, up to a moment if one is given", args(
		called(field.Need("copy", "what the copy is called: letters, digits, and . _ - behind the first")),
		field.Text("backup", "which backup; the newest that reaches the moment if left out"),
		field.Of("time", effect.Any, "the moment to restore to, as now() returns it or in the form 2026-01-31T03:00:00Z; the end of the backup and its log if left out"),
		field.Timeout("4h")),
		field.Text("copy", "what the copy is called"), field.Text("backup", "the backup that it rests on"),
		field.Of("time", effect.Number, "the moment that the data is of, in seconds since 1970: earlier than asked for if the log ends before, and no server answers that wrote more"),
		field.Of("timeline", effect.Int, "the timeline of the copy, where the database has them"))
	restore.Validate = func(args map[string]any) error {
		if v, given := args["time"]; given {
			if _, err := ParseTime(v); err != nil {
				return &effect.FieldError{Path: "time", Problem: err.Error()}
			}
		}
		return nil
	}

	promote := write("promote", "Make a replica the primary; the old primary is not stopped by it", args(
		field.Need("node", "the replica"), field.Timeout("2m")),
		field.Text("primary", "the node that takes writes now"), field.Of("timeline", effect.Int, "the timeline that it began"),
		field.Of("lost", effect.Size, "of log that the old primary wrote and the new one never received; left out where nobody can tell"))
	promote.Class = effect.Irreversible

	return effect.Module{Name: "db", Doc: "Back up, restore, change and fail over databases.",
		Model: func() effect.Model { return NewModel() }, Scenario: scenario(), Faults: faults(), Invariants: invariants(),
		Ops: []effect.Op{
			read("backups", "List the backups and the moments that can be restored", args(),
				field.Objects("backups", "oldest first", field.Text("name", "what restore calls it"), kind(false), began, ended,
					field.Of("size", effect.Size, "of the data in it"),
					field.Of("damaged", effect.Bool, "true if it is known to be damaged: restore passes over it")),
				field.Of("earliest", effect.Number, "the first moment that can be restored, in seconds since 1970"),
				field.Of("latest", effect.Number, "the last one"),
				field.Of("timeline", effect.Int, "the timeline that is written now")),
			read("query", "Run a statement that only reads and return its rows", args(sql, params, node,
				field.Text("copy", "a restored copy, instead of the live data"),
				effect.Field{Name: "max_rows", Type: effect.Int, Default: 1000.0, Min: effect.Bound(1), Doc: "how many rows to return at most"},
				field.Timeout("30s")),
				effect.Field{Name: "rows", Type: effect.List, Elem: &effect.Field{Type: effect.Map}, Doc: "one table a row, by column"},
				field.Of("count", effect.Int, "how many rows are returned"),
				field.Of("truncated", effect.Bool, "whether there were more")),
			look("lag", "Read how far replicas are behind the primary", args(field.Text("node", "one replica; all if left out")),
				field.Of("lag", effect.Duration, "of the one that is farthest behind; nothing if no replica says"),
				effect.Field{Name: "replicas", Type: effect.Map, Elem: &effect.Field{Type: effect.Duration},
					Doc: "by node; those that say nothing are left out"},
				effect.Field{Name: "bytes", Type: effect.Map, Elem: &effect.Field{Type: effect.Size}, Doc: "of log that a node has not replayed, by node, where that is known"},
				field.Choice("measured", "against the primary; or, where that does not answer, by what replicas have received and when they last replayed something",
					false, "primary", "replicas")),
			look("is_primary", "Read whether a node takes writes", args(node),
				field.Of("primary", effect.Bool, "whether it takes writes"), field.Text("node", "which node was asked"),
				field.Of("timeline", effect.Int, "the timeline that it is on")),
			judge(read("validate", "Verify the integrity of live data or of a copy; an error if it is damaged", args(
				field.Text("copy", "a restored copy, instead of the live data"),
				effect.Field{Name: "checks", Type: effect.Map, Elem: &effect.Field{Type: effect.String, Min: effect.Bound(1)},
					Doc: `further statements that have to return true: { orders = "SELECT count(*) > 0 FROM orders" }`},
				field.Timeout("1h")),
				field.Of("valid", effect.Bool, "true"), field.Of("checks", effect.Int, "how many further statements passed"),
				field.Text("detail", "what was verified, and with what"),
				field.Of("again", effect.Bool, "of a copy: false if it cannot be verified once it is live, for want of what detail says"))),
			write("backup", "Make a backup and wait until it is complete", args(kind(true), field.Timeout("6h")),
				field.Text("backup", "what restore calls it"), kind(false), began, ended, field.Of("size", effect.Size, "of the data in it")),
			restore,
			exec,
			look("migrations", "List the migrations that are applied, and those that wait", args(
				field.Text("dir", "where they are; as configured if left out"), field.Timeout("30s")),
				field.Of("version", effect.Int, "that the schema is at"),
				effect.Field{Name: "applied", Type: effect.List, Elem: &effect.Field{Type: effect.Int}, Doc: "the versions of those that are applied, oldest first"},
				field.Objects("pending", "those that migrate would run, in order; left out where only the team's own command knows",
					field.Of("version", effect.Int, "where it leads"), field.Text("name", "its file"))),
			write("migrate", "Bring the schema to a version by the migrations of a directory", args(
				field.Of("to", effect.Int, "the version to end at; the newest if left out"),
				field.Text("dir", "where the migrations are; as configured if left out"), field.Timeout("30m")),
				field.Of("from", effect.Int, "the version before"), field.Of("to", effect.Int, "the version now"),
				field.Texts("applied", "the migrations that ran, in order")),
			promote,
			write("swap", "Put a restored copy in the place of the live data, which stays beside it as a copy", args(
				called(field.Need("copy", "the copy to make live")),
				called(field.Text("keep", "what the data that was live is called then; made from the name of the copy if left out")),
				field.Timeout("5m")),
				field.Text("live", "the copy that is live now"), field.Text("kept", "what swaps back")),
		}}
}
