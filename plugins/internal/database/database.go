// Package database holds what the backends of the module db share: running the
// team's migrations, and values on their way to scripts.
package database

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// Marks is the name of the table that exec and migrate note effects in, unless
// the configuration gives another.
const Marks = "runbook_effects"

// Integer returns a whole number as scripts see it: as a text where a number
// would not hold it exactly.
func Integer(n int64) any {
	const exact = 1 << 53
	if n > exact || n < -exact {
		return strconv.FormatInt(n, 10)
	}
	return float64(n)
}

// Text returns a parameter as a text that a database reads; ok is false for
// nothing. Tables become JSON.
func Text(v any) (text string, ok bool, err error) {
	switch v := v.(type) {
	case nil:
		return "", false, nil
	case string:
		return v, true, nil
	case bool:
		return strconv.FormatBool(v), true, nil
	case float64:
		if v == float64(int64(v)) {
			return strconv.FormatInt(int64(v), 10), true, nil
		}
		return strconv.FormatFloat(v, 'g', -1, 64), true, nil
	}
	data, err := json.Marshal(v)
	return string(data), true, err
}

// Bytes returns a size for people: "3.2 MiB".
func Bytes(n int64) string {
	size, unit := float64(n), 0
	for size >= 1024 && unit < 4 {
		size, unit = size/1024, unit+1
	}
	return strings.TrimSuffix(fmt.Sprintf("%.1f", size), ".0") + " " + []string{"bytes", "KiB", "MiB", "GiB", "TiB"}[unit]
}

// Progress shows how far a call is, once a second at most, and nothing within
// its first second.
type Progress struct {
	Show func(line string)
	told time.Time
}

// NewProgress returns one that begins now.
func NewProgress(show func(line string)) *Progress { return &Progress{show, time.Now()} }

// Say shows a line, unless one was shown just now.
func (p *Progress) Say(format string, args ...any) {
	if now := time.Now(); now.Sub(p.told) >= time.Second {
		p.told = now
		p.Show(fmt.Sprintf(format, args...))
	}
}

// Names returns the error for a name that is not there.
func Names(what, name string, known []string) *effect.Error {
	return effect.Errorf(effect.CodeNotFound, "there is no %s %q", what, name).WithHint("%s", effect.Among("known: ", name, known))
}
