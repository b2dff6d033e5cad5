package haproxy

import (
	"fmt"
	"strings"
)

// Bits of srv_admin_state, as HAProxy's management guide lists them. 0x04
// only tells that the configuration file began with maintenance.
const (
	adminMaint = 0x01 | 0x02 | 0x20 | 0x40 // forced, inherited, no address, no hostname
	adminDrain = 0x08 | 0x10               // forced, inherited
)

// Values of srv_op_state.
const (
	opStopped  = 0
	opStarting = 1 // up, in slow start
	opStopping = 3 // up, and asks for no new requests
)

// server is one server of a pool as HAProxy reported it.
type server struct {
	name      string // as scripts call it
	real      string // as HAProxy calls it
	grouped   bool   // others have the same name
	weight    int    // as set; what is drained keeps it
	effective int    // what counts now; below weight in slow start
	initial   int    // of the configuration file
	throttle  string // percent of its weight that slow start leaves it, "" outside of one
	agent     string // what its agent check says, "" without one
	sessions  int
	admin     int
	op        int
	backup    bool
}

// status returns one of the words of the contract: up, down, drain, maint.
func (s *server) status() string {
	switch {
	case s.admin&adminMaint != 0:
		return "maint"
	case s.op == opStopped:
		return "down"
	case s.admin&adminDrain != 0 || s.op == opStopping:
		return "drain"
	}
	return "up"
}

// drained reports whether someone took the server out, whatever its health.
func (s *server) drained() bool { return s.admin&adminDrain != 0 && s.admin&adminMaint == 0 }

// enabled reports whether nobody took the server out, whatever its health.
func (s *server) enabled() bool { return s.admin&(adminDrain|adminMaint) == 0 }

// capacity is the weight that counts when requests are divided.
func (s *server) capacity() int {
	if s.status() != "up" {
		return 0
	}
	return s.effective
}

// configured is the weight that counts once the server is healthy and through
// its slow start: what was set, unless someone took it out.
func (s *server) configured() int {
	if !s.enabled() {
		return 0
	}
	return s.weight
}

// note says why a server takes another share than its weight says, "" if
// nothing is to be said.
func (s *server) note() string {
	var parts []string
	if s.status() == "up" && s.effective < s.weight {
		part := fmt.Sprintf("slow start: weight %d of %d", s.effective, s.weight)
		if s.throttle != "" {
			part += " (" + s.throttle + "%)"
		}
		parts = append(parts, part)
	}
	if s.agent != "" {
		part := "agent check: " + s.agent
		if s.weight != s.initial {
			part += fmt.Sprintf("; weight %d, %d in the configuration file", s.weight, s.initial)
		}
		parts = append(parts, part)
	}
	return strings.Join(parts, "; ")
}

// label names the server in messages.
func (s *server) label() string {
	if s.name == s.real {
		return s.name
	}
	return fmt.Sprintf("%s (%s)", s.name, s.real)
}
