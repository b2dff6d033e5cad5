package sqlite

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	shared "github.com/q-ecosystem/runbook/plugins/internal/database"
)

// shown is how many findings an error holds.
const shown = 3

func (j *job) validate() (map[string]any, *effect.Error) {
	c, e := j.reading()
	if e != nil {
		return nil, e
	}
	defer c.close()
	what := "the live data"
	if name := j.Text("copy"); name != "" {
		what = "the copy " + name
	}
	damaged := func(format string, args ...any) *effect.Error {
		return effect.Errorf(effect.CodeUnhealthy, "%s is damaged: %s", what, fmt.Sprintf(format, args...)).WithHint("restore another backup and validate that")
	}
	found, _, err := j.rows(c, "PRAGMA integrity_check", nil, 0)
	if err != nil {
		return nil, j.failed(j.file, "be verified", err)
	}
	var says []string
	for _, row := range found {
		if text, _ := row.(map[string]any)["integrity_check"].(string); text != "ok" {
			says = append(says, text)
		}
	}
	if len(says) > 0 {
		return nil, damaged("integrity_check says %s", some(says))
	}
	found, _, err = j.rows(c, "PRAGMA foreign_key_check", nil, 0)
	if err != nil {
		return nil, j.failed(j.file, "be verified", err)
	}
	for _, row := range found {
		r := row.(map[string]any)
		says = append(says, fmt.Sprintf("row %v of %v leads to no row of %v", r["rowid"], r["table"], r["parent"]))
	}
	if len(says) > 0 {
		return nil, damaged("foreign_key_check says %s", some(says))
	}
	checks, _ := j.Args["checks"].(map[string]any)
	for _, name := range slices.Sorted(maps.Keys(checks)) {
		text, _ := checks[name].(string)
		if e := one(text); e != nil {
			return nil, effect.Errorf(e.Code, "checks.%s: %s", name, e.Message)
		}
		rows, _, err := j.rows(c, text, nil, 2)
		if err != nil {
			e := j.failed(j.file, "be verified", err)
			e.Message = "checks." + name + ": " + e.Message
			return nil, e
		}
		if !shared.Holds(rows) {
			return nil, effect.Errorf(effect.CodeUnhealthy, "%s does not pass the check %s: %v", what, name, shared.Told(rows)).WithHint("the check is one row with one column that is true: %s", text)
		}
	}
	return map[string]any{"valid": true, "checks": float64(len(checks)), "detail": what + ": integrity_check and foreign_key_check found nothing"}, nil
}

func some(says []string) string {
	if len(says) > shown {
		return strings.Join(says[:shown], "; ") + fmt.Sprintf("; and %d more", len(says)-shown)
	}
	return strings.Join(says, "; ")
}
