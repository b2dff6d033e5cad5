package lab

import (
	"fmt"
	"time"
)

// Health checks as HAProxy's "check inter 100ms rise 1 fall 2".
const (
	checkInterval = 100 * time.Millisecond
	checkTimeout  = time.Second
	checkRise     = 1
	checkFall     = 2
	fullHealth    = checkRise + checkFall - 1
)

// adminState is what the operator asked of a server; the numbers are
// HAProxy's srv_admin_state.
type adminState int

const (
	adminReady adminState = 0
	adminMaint adminState = 1
	adminDrain adminState = 8
)

// server is one server of the pool, guarded by the pool's lock. Its states and
// their transitions are HAProxy's.
type server struct {
	name    string
	id      int
	addr    string // host:port
	initial int    // the configured weight
	weight  int
	current int // of the smooth weighted round robin
	admin   adminState
	health  int // 0 is down, fullHealth is up, between: failed lately
	check   checkResult
	changed time.Time
	downFor time.Duration // before the present state
	counts  counters
}

// counters are what `show stat` tells of a server's or the pool's past.
type counters struct {
	sessions, maxSessions int
	total, chosen         uint64
	bytesOut              uint64
	connectErrors         uint64
	responseErrors        uint64
	redispatched          uint64
	classes               [6]uint64 // by the first digit of the status code
	checkFails, downs     uint64
	last                  time.Time // the end of the last session
}

func (c *counters) begin() {
	c.total++
	c.sessions++
	c.maxSessions = max(c.maxSessions, c.sessions)
}

func (c *counters) answered(code int) {
	if class := code / 100; class >= 1 && class < len(c.classes) {
		c.classes[class]++
	}
}

// running reports whether health checks find the server up, and no one took it
// down for maintenance.
func (s *server) running() bool { return s.health >= checkRise && s.admin != adminMaint }

// usable reports whether the server may be given a request.
func (s *server) usable() bool { return s.running() && s.admin == adminReady && s.weight > 0 }

// status returns the status column of `show stat`.
func (s *server) status() string {
	word := "UP"
	switch {
	case s.admin == adminMaint:
		return "MAINT"
	case s.health < checkRise:
		return "DOWN"
	case s.admin == adminDrain:
		word = "DRAIN"
	}
	if s.health < fullHealth {
		return fmt.Sprintf("%s %d/%d", word, s.health-checkRise+1, checkFall)
	}
	return word
}

// note takes the result of a health check.
func (s *server) note(result checkResult, now time.Time) {
	if s.admin == adminMaint {
		return
	}
	was := s.running()
	s.check = result
	if result.passed() {
		s.health = fullHealth
	} else if s.health >= checkRise {
		s.counts.checkFails++
		if s.health--; s.health < checkRise {
			s.health = 0
		}
	}
	s.turned(was, now)
}

// setAdmin takes an operator's order. A server that leaves maintenance counts
// as up until its first check.
func (s *server) setAdmin(state adminState, now time.Time) {
	if s.admin == state {
		return
	}
	was, wasMaint := s.running(), s.admin == adminMaint
	wasReady := s.admin == adminReady
	s.admin = state
	switch {
	case state == adminMaint:
		s.health = 0
	case wasMaint:
		s.health = checkRise
	}
	s.turned(was, now)
	if s.running() && was && wasReady != (s.admin == adminReady) {
		s.changed = now
	}
}

// turned keeps the times and counts of going up and down.
func (s *server) turned(was bool, now time.Time) {
	is := s.running()
	if was == is {
		return
	}
	if is {
		s.downFor += now.Sub(s.changed)
	} else {
		s.counts.downs++
	}
	s.changed = now
}

// downtime returns how long the server was down in all.
func (s *server) downtime(now time.Time) time.Duration {
	if s.running() {
		return s.downFor
	}
	return s.downFor + now.Sub(s.changed)
}
