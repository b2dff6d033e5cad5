package ipfs

import (
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/stdlib/internal/modeltest"
)

type obj = map[string]any

func TestIPFSModel(t *testing.T) {
	up := true
	r := modeltest.New(t, Module(), obj{
		"content": obj{"bafyA": obj{"blocks": 3.0, "size": "3MiB", "providers": []any{"peer"}}, "bafyB": obj{}, "bafyC": obj{}},
		"pins":    []any{"bafyA", "bafyC"}, "missing": []any{"bafyC"},
		"nodes":    obj{"backup": obj{"pins": []any{"bafyB"}, "up": effect.Func(func(effect.Moment) (any, error) { return up, nil })}},
		"archives": obj{"c.car": []any{"bafyC"}}, "files": obj{"site": "bafyA"},
	})
	modeltest.Is(t, "pins", r.Must("pins", obj{"cid": "bafyA"})["count"], 1.0)
	modeltest.Is(t, "other types", r.Must("pins", obj{"type": "direct"})["count"], 0.0)
	modeltest.Is(t, "providers", r.Must("providers", obj{"cid": "bafyA"})["count"], 2.0)
	modeltest.Is(t, "validate", r.Must("validate", obj{"cid": "bafyA"}), obj{"valid": true, "blocks": 3.0, "size": 3.0 * (1 << 20)})
	r.Fails("validate", obj{"cid": "bafyC"}, effect.CodeUnhealthy, "blocks of bafyC are missing")
	r.Fails("pin", obj{"cid": "bafyC"}, effect.CodeTimeout, "nobody gave bafyC")
	modeltest.Is(t, "import", r.Must("import", obj{"path": "c.car"})["roots"], []any{"bafyC"})
	r.Must("validate", obj{"cid": "bafyC"})
	up = false
	r.Fails("pin", obj{"cid": "bafyB"}, effect.CodeTimeout)
	r.Fails("pins", obj{"node": "backup"}, effect.CodeUnavailable)
	up = true
	r.Must("pin", obj{"cid": "bafyB"})
	r.Must("pin", obj{"cid": "bafyB"})
	modeltest.Is(t, "two have it", modeltest.At(r.State(), "providers", "bafyB"), []any{"backup", "the configured node"})
	modeltest.Is(t, "unpin", r.Must("unpin", obj{"cid": "bafyB"})["was_pinned"], true)
	modeltest.Is(t, "unpin again", r.Must("unpin", obj{"cid": "bafyB"})["was_pinned"], false)
	modeltest.Is(t, "add", r.Must("add", obj{"path": "site", "cid": "bafyA"})["cid"], "bafyA")
	r.Fails("add", obj{"path": "site", "cid": "bafyB"}, effect.CodeConflict, "comes out as bafyA")
	r.Must("export", obj{"cid": "bafyA", "path": "a.car"})
	modeltest.Is(t, "what was exported", r.Must("import", obj{"path": "a.car", "node": "backup"})["roots"], []any{"bafyA"})
	r.Fails("import", obj{"path": "x.car"}, effect.CodeNotFound, "a.car, c.car")

	// What is unpinned is there still, and no copy that counts.
	r.Must("unpin", obj{"cid": "bafyA"})
	r.Must("validate", obj{"cid": "bafyA"})
	modeltest.Is(t, "who keeps it", modeltest.At(r.State(), "providers", "bafyA"), []any{"backup", "peer"})
	modeltest.Is(t, "who offers it", r.Must("providers", obj{"cid": "bafyA"})["count"], 3.0)
	r.Must("add", obj{"path": "site", "pin": false})
	modeltest.Is(t, "added without a pin", r.Must("pins", obj{"cid": "bafyA"})["count"], 0.0)

	r = modeltest.New(t, Module(), obj{"pins": []any{"bafyA"}})
	r.Fails("pin", obj{"cid": "bafyX"}, effect.CodeTimeout, "nobody gave bafyX")
	r.Fails("validate", obj{"cid": "bafyX"}, effect.CodeUnhealthy, "missing on the node")

	r = modeltest.New(t, Module(), nil)
	r.Must("validate", obj{"cid": "bafyY"})
	r.Must("pin", obj{"cid": "bafyX"})
	modeltest.Is(t, "assumed", r.State()["assumed"], true)
}
