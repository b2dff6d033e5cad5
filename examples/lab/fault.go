package lab

import (
	"strings"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// Fault is what is wrong with a service, as people write it. Faults add up;
// Clear takes back the earlier ones first. They belong to the environment and
// stay when a new version is deployed.
type Fault struct {
	Slow  string `json:"slow,omitempty"` // added to every answer: "300ms"
	Fail  string `json:"fail,omitempty"` // the share of requests answered with 500: "5%"
	Down  bool   `json:"down,omitempty"` // connections are refused
	Clear bool   `json:"clear,omitempty"`
}

// maxSlow bounds the added latency: nothing waits longer for an answer.
const maxSlow = time.Minute

// String returns "slow 300ms, fail 5%, down", or "none".
func (f Fault) String() string {
	var parts []string
	if f.Slow != "" {
		parts = append(parts, "slow "+f.Slow)
	}
	if f.Fail != "" {
		parts = append(parts, "fail "+f.Fail)
	}
	if f.Down {
		parts = append(parts, "down")
	}
	if len(parts) == 0 {
		return "none"
	}
	return strings.Join(parts, ", ")
}

// onto returns the fault that holds after f is applied to the one before.
func (f Fault) onto(before Fault) Fault {
	if f.Clear {
		before = Fault{}
	}
	if f.Slow != "" {
		before.Slow = f.Slow
	}
	if f.Fail != "" {
		before.Fail = f.Fail
	}
	before.Down = before.Down || f.Down
	return before
}

// parse returns the added latency and the share of failures in percent.
func (f Fault) parse() (slow time.Duration, fail float64, err error) {
	if f.Slow != "" {
		s, err := effect.ParseDuration(f.Slow)
		if err != nil {
			return 0, 0, badRequest("slow: %v: write 300ms", err)
		}
		if slow = effect.Seconds(s); slow > maxSlow {
			return 0, 0, badRequest("slow: %s is more than %s", f.Slow, maxSlow)
		}
	}
	if f.Fail != "" {
		fail, err = effect.ParsePercent(f.Fail)
		if err != nil || !(fail >= 0 && fail <= 100) {
			return 0, 0, badRequest("fail: %q is not a percentage from 0 to 100: write 5%%", f.Fail)
		}
	}
	return slow, fail, nil
}
