package db

import (
	"fmt"
	"slices"
	"strings"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/lazyregexp"
	"github.com/q-ecosystem/runbook/stdlib/internal/plain"
)

var (
	// wholeTable matches a statement that changes or deletes rows of one table.
	wholeTable = lazyregexp.New(`(?is)^\s*(?:update\s+(?:only\s+)?([\w".]+)\s+set\s(.*)|delete\s+from\s+(?:only\s+)?([\w".]+)(.*))$`)
	// narrowed matches what keeps a statement to some rows.
	narrowed = lazyregexp.New(`(?i)\b(where|limit|join|using)\b`)
	// looksAt matches a query of the rows of a table that a condition holds of.
	looksAt = lazyregexp.New(`(?is)^\s*select\s.*?\bfrom\s+([\w".]+)(?:\s.*?)?\swhere\s(.*)$`)
	// word matches names in a statement.
	word = lazyregexp.New(`[A-Za-z_]\w*`)
)

// moreThanLookedAt finds statements that change all rows of a table of which the run
// looked at those alone that a condition holds of. A condition on what the statement
// sets is none: what lacks a value is looked at, and all are given it.
func moreThanLookedAt(v *effect.View, e effect.Occurrence) string {
	sql := plain.Str(e.Args, "sql")
	m := wholeTable.FindStringSubmatch(sql)
	if e.Module != "db" || e.Name != "exec" || !e.Wrote() || m == nil || narrowed.MatchString(sql) {
		return ""
	}
	table := bare(m[1] + m[3])
	set := word.FindAllString(strings.ToLower(m[2]), -1)
	for _, p := range v.Past() {
		if p.Module != "db" || p.Name != "query" || p.Err != nil || plain.Str(p.Args, "db") != plain.Str(e.Args, "db") {
			continue
		}
		q := looksAt.FindStringSubmatch(plain.Str(p.Args, "sql"))
		if q == nil || bare(q[1]) != table || slices.ContainsFunc(word.FindAllString(strings.ToLower(q[2]), -1), func(name string) bool { return slices.Contains(set, name) }) {
			continue
		}
		return fmt.Sprintf("%s changes all rows of %s, and %s looked at those alone WHERE %s: say WHERE in the statement too", e, table, p, strings.TrimSpace(q[2]))
	}
	return ""
}

// bare returns the name of a table without its schema and quotes, in lower case.
func bare(name string) string {
	name = strings.ToLower(strings.ReplaceAll(name, `"`, ""))
	return name[strings.LastIndex(name, ".")+1:]
}

var (
	droppedIndex = lazyregexp.New(`(?is)^\s*drop\s+index\s+(?:concurrently\s+)?(?:if\s+exists\s+)?([\w".]+)(?:\s+on\s+([\w".]+))?`)
	madeIndex    = lazyregexp.New(`(?is)^\s*create\s+(?:unique\s+)?index\s+(?:concurrently\s+)?(?:if\s+not\s+exists\s+)?([\w".]+)\s+on\s+(?:only\s+)?([\w".]+)`)
	// fills matches what puts rows into a table: an index that is away meanwhile makes
	// that faster, and is meant to be.
	fills = lazyregexp.New(`(?i)^\s*(insert|copy|load|update|delete|merge|truncate)\b`)
	// used matches where databases count how often an index is used.
	used = lazyregexp.New(`(?i)pg_stat|idx_scan|index_usage|unused_index|table_io_waits`)
)

// indexFirst finds an index that is dropped before another one of its table is there:
// meanwhile every query that used it goes through the whole table. Nothing is said of
// one that is made anew under its name, or of which the run saw how much it is used.
func indexFirst(v *effect.View, e effect.Occurrence) string {
	m := madeIndex.FindStringSubmatch(plain.Str(e.Args, "sql"))
	if e.Module != "db" || e.Name != "exec" || !e.Wrote() || m == nil {
		return ""
	}
	name, table := bare(m[1]), bare(m[2])
	var dropped *effect.Occurrence
	for _, p := range v.Past() {
		sql := plain.Str(p.Args, "sql")
		if p.Module != "db" || p.Place == e.Place || p.Err != nil || p.Place.InRollback() || plain.Str(p.Args, "db") != plain.Str(e.Args, "db") {
			continue
		}
		d := droppedIndex.FindStringSubmatch(sql)
		switch {
		case p.Name == "query" && used.MatchString(sql), fills.MatchString(sql):
			return ""
		case d == nil:
		case bare(d[1]) != name && (bare(d[2]) == table || d[2] == "" && slices.Contains(strings.Split(strings.TrimPrefix(bare(d[1]), "idx_"), table+"_"), "")):
			dropped = &p
		}
	}
	if dropped == nil {
		return ""
	}
	return fmt.Sprintf("%s dropped the index of %s that %s puts another one in the place of: until that is built, what used it reads the whole table; create the new one first, and see that queries are as fast",
		dropped, table, e)
}
