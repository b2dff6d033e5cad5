package haproxy

import (
	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins"
)

// desired is the state that a write wants a pool to be in.
type desired interface {
	// missing says in what the pool is not as desired; "" if it is.
	missing(p *pool) string
	// allowed returns why this pool is not brought there.
	allowed(p *pool) error
	// commands returns what brings the pool there, in order.
	commands(p *pool) []string
	// change tells people what the commands would do.
	change(p *pool) effect.Prediction
}

// desiredFor returns what a request asks for; its servers have to exist.
func (b *Backend) desiredFor(p *pool, req plugins.Request) (desired, error) {
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
		servers, err := p.find(name)
		if err != nil {
			return nil, err
		}
		a := &admission{name: name, state: req.Op}
		for _, s := range servers {
			a.reals = append(a.reals, s.real)
		}
		return a, nil
	}
	return nil, effect.Errorf(effect.CodeUnsupported, "the haproxy backend has no write called %q", req.Op).
		WithHint("it has split, switch, drain and ready")
}
