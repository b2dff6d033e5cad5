package traffic

import (
	"math"
	"time"
)

// quiet is how long it takes, where nobody says, until what is under way at a
// server that drains has ended. At others nobody is taken to have sessions then:
// who drains a server says that they matter.
const quiet = 10 * time.Second

// leave notes which servers get no new requests any more, since now; before
// are the shares until then.
func (p *pool) leave(before map[string]any, now time.Time) {
	for name, share := range p.shares() {
		s := p.servers[name]
		was, _ := before[name].(float64)
		switch {
		case share.(float64) > 0:
			s.left = time.Time{}
		case was > 0:
			s.left, s.share = now, was
		}
	}
}

// underWay is how many sessions a server has: one for each percent of the new
// requests that it takes. Once it takes none they end one by one. One that is
// down has none.
func (p *pool) underWay(s *server, share float64, now time.Time) float64 {
	length := p.sessions
	if length == 0 && s.admin == "drain" {
		length = quiet
	}
	switch since := now.Sub(s.left); {
	case share > 0:
		return math.Ceil(share)
	case s.left.IsZero() || s.seen == "down" || since >= length:
		return 0
	default:
		return math.Ceil(s.share * (1 - since.Seconds()/length.Seconds()))
	}
}
