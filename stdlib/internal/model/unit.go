package model

import (
	"fmt"
	"strconv"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/lazyregexp"
)

// units are numbers that commands of wide use take in a unit which people mistake,
// and below which of them nobody means it.
var units = []struct {
	number *lazyregexp.Regexp
	unit   string
	least  float64
	like   string
}{
	// openssl-x509(1): "checks if the certificate expires within the next arg seconds".
	{lazyregexp.New(`\bopenssl\b.*\s-checkend\s+(\d+)\b`), "seconds", 3600, "30 days are 2592000"},
	// PostgreSQL, Client Connection Defaults, statement_timeout: "If this value is specified without units, it is taken as milliseconds".
	{lazyregexp.New(`(?i)\b(?:statement|lock|idle_in_transaction_session)_timeout\s*(?:=|\bto\b)\s*'?(\d+)'?(?:\s*$|\s*[;"])`), "milliseconds", 100, "5 seconds are '5s'"},
}

// RightUnit returns the invariant that numbers in what a module's calls say are in the
// unit in which they are taken. line is what a call says.
func RightUnit(module string, line func(args map[string]any) string) effect.Invariant {
	return effect.Invariant{Name: "a number is in the unit in which it is taken", End: func(v *effect.View, _ effect.Ending) string {
		for _, e := range v.Past() {
			if e.Module != module {
				continue
			}
			said := line(e.Args)
			number, unit, like := wrongUnit(said)
			if number == "" && e.Class.Writes() {
				number, unit, like = otherUnit(said)
			}
			if number != "" {
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

// inMillis and inSeconds match settings whose names say the unit of their number.
var (
	inMillis  = lazyregexp.New(`\b([A-Za-z][\w.-]*(?:[._-](?:ms|msecs?|millis(?:econds)?)|[a-z](?:Ms|MS|Millis(?:econds)?)))["']?(?:\s*[=:]\s*|\s+)["']?(\d+)\b`)
	inSeconds = lazyregexp.New(`\b([A-Za-z][\w.-]*(?:[._-](?:secs?|seconds)|[a-z](?:Secs?|Seconds)))["']?(?:\s*[=:]\s*|\s+)["']?(\d+)\b`)
)

const hour, year = 3600, 365 * 24 * 3600

// otherUnit returns a setting whose number is one of whole hours in the other of the two
// units: 259200 where milliseconds are taken, three days in seconds, would be 4 minutes
// 19.2 seconds; 86400000 where seconds are, a day in milliseconds, would be 1000 days.
func otherUnit(line string) (setting, unit, like string) {
	for _, m := range inMillis.FindAllStringSubmatch(line, -1) {
		if n, err := strconv.Atoi(m[2]); err == nil && n > 0 && n%hour == 0 && n%1000 != 0 {
			return m[1] + " = " + m[2], "milliseconds", fmt.Sprintf("%d hours are %d", n/hour, n*1000)
		}
	}
	for _, m := range inSeconds.FindAllStringSubmatch(line, -1) {
		if n, err := strconv.Atoi(m[2]); err == nil && n > year && n%(1000*hour) == 0 {
			return m[1] + " = " + m[2], "seconds", fmt.Sprintf("%d hours are %d", n/1000/hour, n/1000)
		}
	}
	return "", "", ""
}
