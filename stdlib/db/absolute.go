package db

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/lazyregexp"
	"github.com/q-ecosystem/runbook/stdlib/internal/plain"
)

var (
	// assignments matches what an UPDATE sets, and on what condition.
	assignments = lazyregexp.New(`(?is)^\s*update\s.*?\sset\s+(.*?)(\swhere\s.*)?$`)
	// amounts matches a column that gets what it has and something beside.
	amounts = lazyregexp.New(`(?i)"?\b(\w+)"?\s*=\s*(?:coalesce\()?"?(\w+)"?(?:\s*,\s*0\s*\))?\s*(?:[-+*]|\|\|)`)
	// assigned matches each column that gets something.
	assigned = lazyregexp.New(`(?i)(?:^|,)\s*"?(\w+)"?\s*=`)
	// inserts matches what puts in a row more, and once what does so only if it is not there.
	inserts = lazyregexp.New(`(?is)^\s*insert\s+into\s`)
	once    = lazyregexp.New(`(?i)\bon\s+conflict\b|\bon\s+duplicate\b|\bnot\s+exists\b|\bexcept\b|\bleft\s+join\b|\bnot\s+in\b`)
)

// absolute finds statements that ran twice, because the script says that they may, and
// read as if the second time added once more.
func absolute(_ *effect.View, e effect.Occurrence) string {
	if e.Module != "db" || e.Name != "exec" || !e.Again || plain.Str(e.Args, "recovery") != "retry" {
		return ""
	}
	sql := plain.Str(e.Args, "sql")
	adds := addsTo(sql)
	if adds == "" && inserts.MatchString(sql) && !once.MatchString(sql) {
		adds = "a row"
	}
	if adds == "" {
		return ""
	}
	return fmt.Sprintf("%s ran twice, and each time it adds to %s: leave recovery out, so that a note in the database tells whether it ran, or say what is to be instead", e, adds)
}

// addsTo returns the column to which an UPDATE adds each time that it runs; "" where its
// condition is about a column that it sets, by which the second time finds no row.
func addsTo(sql string) string {
	m := assignments.FindStringSubmatch(sql)
	if m == nil {
		return ""
	}
	for _, column := range assigned.FindAllStringSubmatch(m[1], -1) {
		if regexp.MustCompile(`(?i)\b` + regexp.QuoteMeta(column[1]) + `\b`).MatchString(m[2]) {
			return ""
		}
	}
	for _, c := range amounts.FindAllStringSubmatch(m[1], -1) {
		if strings.EqualFold(c[1], c[2]) {
			return c[1]
		}
	}
	return ""
}
