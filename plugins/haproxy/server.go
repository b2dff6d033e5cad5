package haproxy

import "fmt"

// Bits of srv_admin_state, as HAProxy's management guide lists them. 0x04
// only tells that the configuration file began with maintenance.
const (
	adminMaint = 0x01 | 0x02 | 0x20 | 0x40 // forced, inherited, no address, no hostname
	adminDrain = 0x08 | 0x10               // forced, inherited
)

// Values of srv_op_state.
const (
	opStopped  = 0
	opStopping = 3 // up, and asks for no new requests
)

// server is one server of a pool as HAProxy reported it.
type server struct {
	name     string // as scripts call it
	real     string // as HAProxy calls it
	weight   int    // as set; what is drained keeps it
	sessions int
	admin    int
	op       int
	backup   bool
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
	return s.weight
}

// label names the server in messages.
func (s *server) label() string {
	if s.name == s.real {
		return s.name
	}
	return fmt.Sprintf("%s (%s)", s.name, s.real)
}
