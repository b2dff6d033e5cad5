package caddy

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// weighted is the policy that a split sets.
const weighted = "weighted_round_robin"

// handler is a reverse_proxy handler as Caddy runs it.
type handler struct {
	path   string // where it stands in the configuration
	tag    string // Caddy's, of its content
	dials  []string
	policy policy
	raw    map[string]json.RawMessage // the policy; nil if there is none
}

// policy is how a handler selects the upstream of a request.
type policy struct {
	Policy  string `json:"policy"`
	Weights []int  `json:"weights"`
}

// parseHandler reads a handler of the configuration.
func parseHandler(p *pool, data []byte) (*handler, error) {
	var of *struct {
		Handler   string `json:"handler"`
		Upstreams []struct {
			Dial string `json:"dial"`
		} `json:"upstreams"`
		Balancing struct {
			Policy json.RawMessage `json:"selection_policy"`
		} `json:"load_balancing"`
		Dynamic json.RawMessage `json:"dynamic_upstreams"`
	}
	bad := func(format string, args ...any) error {
		return effect.Errorf(effect.CodeNotFound, "pool %s: %s", p.name, fmt.Sprintf(format, args...)).
			WithHint("`handler` in the configuration of the backend has to lead to a reverse_proxy handler in Caddy's configuration, " +
				`by its "@id" or its path; a configuration that was loaded since may have it elsewhere`)
	}
	if err := json.Unmarshal(data, &of); err != nil {
		return nil, bad("%s leads to what is no handler: %v", p.handler, err)
	}
	switch {
	case of == nil:
		return nil, bad("Caddy's configuration has nothing at %s", p.handler)
	case of.Handler != "reverse_proxy":
		return nil, bad("%s leads to the handler %q, and not to reverse_proxy", p.handler, of.Handler)
	case present(of.Dynamic):
		return nil, effect.Errorf(effect.CodeRefused, "pool %s: the upstreams of %s are dynamic, and weights belong to listed ones", p.name, p.handler).
			WithHint("list them under `upstreams` in Caddy's configuration")
	case len(of.Upstreams) == 0:
		return nil, effect.Errorf(effect.CodeRefused, "pool %s: %s has no upstreams", p.name, p.handler).WithHint("list them under `upstreams` in Caddy's configuration")
	}
	h := &handler{}
	for _, u := range of.Upstreams {
		h.dials = append(h.dials, u.Dial)
	}
	if of.Balancing.Policy != nil {
		if err := json.Unmarshal(of.Balancing.Policy, &h.raw); err != nil {
			return nil, bad("the selection policy of %s cannot be read: %v", p.handler, err)
		}
		_ = json.Unmarshal(of.Balancing.Policy, &h.policy) // another module's weights may be of another form
	}
	return h, nil
}

// present reports whether a value is there, and not null.
func present(raw json.RawMessage) bool { return len(raw) > 0 && string(raw) != "null" }

// has reports whether an address is one of the upstreams.
func (h *handler) has(dial string) bool { return slices.Contains(h.dials, dial) }

func (h *handler) list() string { return strings.Join(h.dials, ", ") }

// policyName is the policy's name; Caddy's own one where none is set.
func (h *handler) policyName() string {
	if h.policy.Policy == "" {
		return "random"
	}
	return h.policy.Policy
}

// replaceable reports whether a split may take the place of the policy. One by
// which clients stay at their server, or that nobody knows, is not replaced.
func (h *handler) replaceable() bool {
	return slices.Contains([]string{weighted, "random", "random_choose", "least_conn", "round_robin", "first"}, h.policyName())
}

// division returns how requests are divided while all upstreams are healthy, if
// that can be said.
func (h *handler) division() (division, bool) {
	d := division{}
	switch h.policyName() {
	case weighted:
		h.byWeights(d)
	case "first":
		d[h.dials[0]] = 1
	case "random", "random_choose", "least_conn", "round_robin", "ip_hash", "client_ip_hash", "uri_hash":
		for _, dial := range h.dials {
			d[dial]++
		}
	default: // it goes by what requests hold
		return nil, false
	}
	return d.reduced(), true
}

// byWeights does as Caddy does: fewer than two weights do not count, and those
// that have no upstream fall to the ones that have, in turn.
func (h *handler) byWeights(d division) {
	weights := h.policy.Weights
	if len(weights) < 2 {
		d[h.dials[0]] = 1
		return
	}
	var takers []string
	for i, dial := range h.dials {
		if i < len(weights) && weights[i] > 0 {
			takers = append(takers, dial)
		}
	}
	turn := 0
	for _, w := range weights {
		if w > 0 && len(takers) > 0 {
			d[takers[turn%len(takers)]] += w
			turn++
		}
	}
}

// weightsFor returns a division as weights in the order of the upstreams.
func (h *handler) weightsFor(d division) []int {
	weights := make([]int, len(h.dials))
	for i, dial := range h.dials {
		if slices.Index(h.dials, dial) == i { // one that is listed twice counts once
			weights[i] = d[dial]
		}
	}
	return weights
}

// marked begins the "@id" that every write gives its policy. Caddy leaves such ids
// to whoever writes them, and counts them in its tag: by a new one no two contents
// have the same, not even those of a split that was taken back.
const marked = "runbook-"

// policyFor returns the policy that sets a division. An id that somebody else gave
// it stays.
func (h *handler) policyFor(d division) (json.RawMessage, error) {
	var id any = marked + rand.Text()
	var theirs string
	if raw, ok := h.raw["@id"]; ok && (json.Unmarshal(raw, &theirs) != nil || !strings.HasPrefix(theirs, marked)) {
		id = raw
	}
	return json.Marshal(map[string]any{"@id": id, "policy": weighted, "weights": h.weightsFor(d)})
}
