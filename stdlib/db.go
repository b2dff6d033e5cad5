package stdlib

import "github.com/q-ecosystem/runbook/interpreter/effect"

// DB declares the care of databases: backups, restores beside the live data,
// replication and schema. A database is one name of the configuration, with a
// primary and perhaps replicas; each of these is a node.
//
// A restore never touches live data: it makes a copy beside it, which can be
// validated and then swapped in. Swapping keeps what was live as a copy, so
// that it can be swapped back.
func DB() effect.Module {
	db := text("db", "which database; the configured one if left out")
	read := func(name, doc string, args []effect.Field, returns ...effect.Field) effect.Op {
		return effect.Op{Module: "db", Name: name, Doc: doc, Class: effect.Read, Args: append(args, db), Returns: returns}
	}
	write := func(name, doc string, args []effect.Field, returns ...effect.Field) effect.Op {
		return effect.Op{Module: "db", Name: name, Doc: doc, Class: effect.Write, Recovery: effect.Observe,
			Args: append(args, db), Returns: returns}
	}
	args := func(list ...effect.Field) []effect.Field { return list }
	sql := need("sql", "one statement")
	params := effect.Field{Name: "params", Type: effect.List, Elem: &effect.Field{Type: effect.Any},
		Doc: "values for its placeholders"}
	node := text("node", "which node; the primary if left out")
	kind := func(preset bool) effect.Field {
		return choice("type", "what it holds: everything, or what changed since the last full or the last of any type",
			preset, "full", "diff", "incr")
	}
	began, ended := field("began", effect.Number, "when it began, in seconds since 1970"), field("ended", effect.Number, "when it was complete")

	exec := write("exec", "Run a statement that changes data, in a transaction of its own", args(sql, params, within("5m"),
		choice("recovery", `"retry" if it may safely run twice; "ask" if left out`, false, "retry", "ask")),
		field("rows", effect.Int, "how many rows it changed"))
	exec.Recovery, exec.RecoveryArg = effect.Ask, "recovery"

	restore := write("restore", "Restore a backup into a copy beside the live data, up to a moment if one is given", args(
		need("copy", "what the copy is called"),
		text("backup", "which backup; the newest that reaches the moment if left out"),
		field("time", effect.Any, "the moment to restore to, as now() returns it or in the form 2026-01-31T03:00:00Z; the end of the backup and its log if left out"),
		within("4h")),
		text("copy", "what the copy is called"), text("backup", "the backup that it rests on"),
		field("time", effect.Number, "the moment that the data is of, in seconds since 1970"),
		field("timeline", effect.Int, "the timeline of the copy, where the database has them"))
	restore.Validate = func(args map[string]any) error {
		if v, given := args["time"]; given {
			if _, err := ParseTime(v); err != nil {
				return &effect.FieldError{Path: "time", Problem: err.Error()}
			}
		}
		return nil
	}

	promote := write("promote", "Make a replica the primary; the old primary is not stopped by it", args(
		need("node", "the replica"), within("2m")),
		text("primary", "the node that takes writes now"), field("timeline", effect.Int, "the timeline that it began"))
	promote.Class = effect.Irreversible

	return effect.Module{Name: "db", Doc: "Back up, restore, change and fail over databases.", Ops: []effect.Op{
		read("backups", "List the backups and the moments that can be restored", args(),
			objects("backups", "oldest first", text("name", "what restore calls it"), kind(false), began, ended,
				field("size", effect.Size, "of the data in it")),
			field("earliest", effect.Number, "the first moment that can be restored, in seconds since 1970"),
			field("latest", effect.Number, "the last one"),
			field("timeline", effect.Int, "the timeline that is written now")),
		read("query", "Run a statement that only reads and return its rows", args(sql, params, node,
			text("copy", "a restored copy, instead of the live data"),
			effect.Field{Name: "max_rows", Type: effect.Int, Default: 1000.0, Min: effect.Bound(1), Doc: "how many rows to return at most"},
			within("30s")),
			effect.Field{Name: "rows", Type: effect.List, Elem: &effect.Field{Type: effect.Map}, Doc: "one table a row, by column"},
			field("count", effect.Int, "how many rows are returned"),
			field("truncated", effect.Bool, "whether there were more")),
		read("lag", "Read how far replicas are behind the primary", args(text("node", "one replica; all if left out")),
			field("lag", effect.Duration, "of the one that is farthest behind; nothing if no replica says"),
			effect.Field{Name: "replicas", Type: effect.Map, Elem: &effect.Field{Type: effect.Duration},
				Doc: "by node; those that say nothing are left out"}),
		read("is_primary", "Read whether a node takes writes", args(node),
			field("primary", effect.Bool, "whether it takes writes"), text("node", "which node was asked"),
			field("timeline", effect.Int, "the timeline that it is on")),
		read("validate", "Verify the integrity of live data or of a copy; an error if it is damaged", args(
			text("copy", "a restored copy, instead of the live data"),
			effect.Field{Name: "checks", Type: effect.Map, Elem: &effect.Field{Type: effect.String, Min: effect.Bound(1)},
				Doc: `further statements that have to return true: { orders = "SELECT count(*) > 0 FROM orders" }`},
			within("1h")),
			field("valid", effect.Bool, "true"), field("checks", effect.Int, "how many further statements passed"),
			text("detail", "what was verified, and with what")),
		write("backup", "Make a backup and wait until it is complete", args(kind(true), within("6h")),
			text("backup", "what restore calls it"), kind(false), began, ended, field("size", effect.Size, "of the data in it")),
		restore,
		exec,
		write("migrate", "Bring the schema to a version by the migrations of a directory", args(
			field("to", effect.Int, "the version to end at; the newest if left out"),
			text("dir", "where the migrations are; as configured if left out"), within("30m")),
			field("from", effect.Int, "the version before"), field("to", effect.Int, "the version now"),
			texts("applied", "the migrations that ran, in order")),
		promote,
		write("swap", "Put a restored copy in the place of the live data, which stays beside it as a copy", args(
			need("copy", "the copy to make live"),
			text("keep", "what the data that was live is called then; made from the name of the copy if left out"),
			within("5m")),
			text("live", "the copy that is live now"), text("kept", "what swaps back")),
	}}
}
