package lab

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// maxWeight is the largest weight that HAProxy knows.
const maxWeight = 256

// on runs f for the server that the first argument names: "web/blue".
func (a *runtimeAPI) on(args []string, f func(s *server, rest []string) string) string {
	if len(args) == 0 {
		return "Require 'backend/server'.\n"
	}
	pool, name, found := strings.Cut(args[0], "/")
	if !found || name == "" {
		return "Require 'backend/server'.\n"
	}
	if pool != a.pool.name {
		return "No such backend.\n"
	}
	s := a.pool.find(name)
	if s == nil {
		return "No such server.\n"
	}
	return f(s, args[1:])
}

func (a *runtimeAPI) getWeight(args []string) string {
	return a.on(args, func(s *server, _ []string) (answer string) {
		a.pool.read(func(time.Time) { answer = fmt.Sprintf("%d (initial %d)\n", s.weight, s.initial) })
		return answer
	})
}

func (a *runtimeAPI) setWeight(args []string) string { return a.on(args, a.weigh) }

func (a *runtimeAPI) setServer(args []string) string {
	return a.on(args, func(s *server, rest []string) string {
		option := ""
		if len(rest) > 0 {
			option = rest[0]
		}
		switch option {
		case "weight":
			return a.weigh(s, rest[1:])
		case "state":
			states := map[string]adminState{"ready": adminReady, "drain": adminDrain, "maint": adminMaint}
			if len(rest) > 1 {
				if state, ok := states[rest[1]]; ok {
					return a.order(s, state)
				}
			}
			return "'set server <srv> state' expects 'ready', 'drain' and 'maint'.\n"
		case "addr", "agent", "agent-addr", "agent-port", "agent-send", "check-addr", "check-port", "fqdn", "health", "ssl":
			return "The lab does not carry out 'set server " + option + "'.\n"
		}
		return "usage: set server <backend>/<server> addr | agent | agent-addr | agent-port | agent-send | " +
			"check-addr | check-port | fqdn | health | ssl | state | weight\n"
	})
}

// admin returns the command that puts a server into a state.
func (a *runtimeAPI) admin(state adminState) func([]string) string {
	return func(args []string) string {
		return a.on(args, func(s *server, _ []string) string { return a.order(s, state) })
	}
}

func (a *runtimeAPI) order(s *server, state adminState) string {
	a.pool.update(func(now time.Time) { s.setAdmin(state, now) })
	return ""
}

func (a *runtimeAPI) weigh(s *server, args []string) string {
	if len(args) == 0 {
		return "Require <weight> or <weight%>.\n"
	}
	weight, problem := parseWeight(args[0], s.initial)
	if problem != "" {
		return problem
	}
	a.pool.update(func(time.Time) { s.weight = weight })
	return ""
}

// parseWeight reads "50", or "50%" of the initial weight. The problem is
// HAProxy's answer; two of them come without a line end, hence without the
// empty line that follows all others.
func parseWeight(text string, initial int) (weight int, problem string) {
	digits := strings.TrimLeft(text, "+-")
	if len(text)-len(digits) > 1 {
		digits = ""
	}
	n := 0
	for n < len(digits) && digits[n] >= '0' && digits[n] <= '9' {
		n++
	}
	rest := digits[n:]
	switch {
	case n == 0:
		return 0, "Empty weight string empty or preceded by garbage"
	case rest != "" && rest != "%":
		return 0, "Trailing garbage in weight string"
	}
	value, err := strconv.Atoi(strings.TrimSuffix(text, "%"))
	if err != nil {
		value = maxWeight + 1 // too long for an int
	}
	if rest == "%" {
		if value < 0 {
			return 0, "Relative weight must be positive.\n"
		}
		value = min(value, 100*maxWeight)
		return min(initial*value/100, maxWeight), ""
	}
	if value < 0 || value > maxWeight {
		return 0, "Absolute weight can only be between 0 and 256 inclusive.\n"
	}
	return value, ""
}
