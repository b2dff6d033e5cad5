package replay

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// Side is what one side of a divergence says stands at the place.
type Side struct {
	Op    string // empty: nothing
	Args  json.RawMessage
	Where effect.Position
}

// String returns "traffic.split {"blue":90,"green":10}  (blue-green.lua:14)".
func (s Side) String() string {
	if s.Op == "" {
		return "nothing (the script ended, or went another way)"
	}
	args := string(s.Args)
	if args == "" || args == "[]" {
		args = "{}"
	}
	text := s.Op + " " + args
	if w := s.Where.String(); w != "" {
		text += "  at " + w
	}
	return text
}

// Divergence says where a script and its journal part.
type Divergence struct {
	Run                 string
	Place               effect.Place
	Recorded, Requested Side
}

// Error shows both sides, a line each.
func (d *Divergence) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "the script and its journal part at effect %s: nothing was done\n", d.Place)
	fmt.Fprintf(&b, "  recorded:  %s\n", d.Recorded)
	fmt.Fprintf(&b, "  requested: %s", d.Requested)
	return b.String()
}
