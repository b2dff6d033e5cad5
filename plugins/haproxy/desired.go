package haproxy

import (
	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins"
	"github.com/q-ecosystem/runbook/stdlib/traffic"
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
		return newDivision(p, traffic.Named(req.Args), b.scale, traffic.Keeps(req.Args))
	case "switch":
		to, _ := req.Args["to"].(string)
		return newDivision(p, map[string]float64{to: 100}, b.scale, false)
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
