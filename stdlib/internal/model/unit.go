package model

import (
	"fmt"
	"regexp"
	"strconv"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// units are numbers that commands of wide use take in a unit which people mistake,
// and below which of them nobody means it.
var units = []struct {
	number *regexp.Regexp
	unit   string
	least  float64
	like   string
}{
	// openssl-x509(1): "checks if the certificate expires within the next arg seconds".
	{regexp.MustCompile(`\bopenssl\b.*\s-checkend\s+(\d+)\b`), "seconds", 3600, "30 days are 2592000"},
	// PostgreSQL, Client Connection Defaults, statement_timeout: "If this value is specified without units, it is taken as milliseconds".
	{regexp.MustCompile(`(?i)\b(?:statement|lock|idle_in_transaction_session)_timeout\s*(?:=|\bto\b)\s*'?(\d+)'?(?:\s*$|\s*[;"])`), "milliseconds", 100, "5 seconds are '5s'"},
}

// RightUnit returns the invariant that numbers in what a module's calls say are in the
// unit in which they are taken. line is what a call says.
func RightUnit(module string, line func(args map[string]any) string) effect.Invariant {
	return effect.Invariant{Name: "a number is in the unit in which it is taken", End: func(v *effect.View, _ effect.Ending) string {
		for _, e := range v.Past() {
			if e.Module != module {
				continue
			}
			if number, unit, like := wrongUnit(line(e.Args)); number != "" {
				return fmt.Sprintf("%s says %s, which is taken for %s: hardly what is meant; %s", e, number, unit, like)
			}
		}
		return ""
	}}
}

// wrongUnit returns a number of a line that is hardly meant in its unit.
func wrongUnit(line string) (number, unit, like string) {
	for _, u := range units {
		m := u.number.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		if n, err := strconv.ParseFloat(m[1], 64); err == nil && n > 0 && n < u.least {
			return m[1], u.unit, u.like
		}
	}
	return "", "", ""
}
