package haproxy

import (
	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins"
)

// wish is what a write wants of a pool.
type wish interface {
	// missing says what of the wish the pool does not hold; "" if nothing.
	missing(p *pool) string
	// allowed returns why the wish is not carried out on this pool.
	allowed(p *pool) error
	// commands returns what makes the pool hold the wish, in order.
	commands(p *pool) []string
	// change tells people what the commands would do.
	change(p *pool) effect.Change
}

// wishFor returns what a request asks for; its servers have to exist.
func (b *Backend) wishFor(p *pool, req plugins.Request) (wish, error) {
	switch req.Op {
	case "split":
		shares := map[string]float64{}
		for name, v := range req.Args {
			if share, ok := v.(float64); ok && name != "pool" {
				shares[name] = share
			}
		}
		return newDivision(p, shares, b.scale)
	case "switch":
		to, _ := req.Args["to"].(string)
		return newDivision(p, map[string]float64{to: 100}, b.scale)
	case "drain", "ready":
		name, _ := req.Args["server"].(string)
		s, err := p.find(name)
		if err != nil {
			return nil, err
		}
		return &admission{real: s.real, state: req.Op}, nil
	}
	return nil, effect.Errorf(effect.CodeUnsupported, "the haproxy backend has no write called %q", req.Op).
		WithHint("it has split, switch, drain and ready")
}
