package caddy

import (
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins/plugintest"
)

func TestSettings(t *testing.T) {
	pool := func(handler string, servers obj) obj { return obj{"handler": handler, "servers": servers} }
	two := obj{"blue": "10.0.0.1:80", "green": "10.0.0.2:80"}
	for what, config := range map[string]obj{
		"an address without http":    {"address": "localhost:2019", "pools": obj{"web": pool("web", two)}},
		"an address with a path":     {"address": "http://localhost:2019/config", "pools": obj{"web": pool("web", two)}},
		"an address with a password": {"address": "http://me:you@localhost:2019", "pools": obj{"web": pool("web", two)}},
		"a path of something else":   {"pools": obj{"web": pool("/load", two)}},
		"a path that climbs":         {"pools": obj{"web": pool("/config/apps/../../stop", two)}},
		"an id with a slash":         {"pools": obj{"web": pool("web/upstreams", two)}},
		"one upstream twice":         {"pools": obj{"web": pool("web", obj{"blue": "10.0.0.1:80", "green": "10.0.0.1:80"})}},
		"a server called pool":       {"pools": obj{"web": pool("web", obj{"pool": "10.0.0.1:80"})}},
		"one handler twice":          {"pools": obj{"web": pool("web", two), "api": pool("web", two)}},
	} {
		err := plugintest.Configure(New(), config)
		if plugintest.WantError(t, err, effect.CodeInvalid); t.Failed() {
			t.Fatalf("%s: %v", what, err)
		}
	}
	err := plugintest.Configure(New(), obj{"pool": "wbe", "pools": obj{"web": pool("web", two)}})
	plugintest.WantError(t, err, effect.CodeNotFound, `no pool "wbe"`, `did you mean "web"`)
	b := plugintest.Configured(t, New(), obj{"pools": obj{"web": pool("web", two), "api": pool("api", two)}})
	_, err = invoke(t, b, "weights", nil)
	plugintest.WantError(t, err, effect.CodeInvalid, "several", `pool = "api"`)
	_, err = invoke(t, b, "weights", obj{"pool": "shop"})
	plugintest.WantError(t, err, effect.CodeNotFound, "api, web")
	_, err = b.Invoke(t.Context(), request(t, "drain", obj{"server": "blue"}))
	plugintest.WantError(t, err, effect.CodeUnsupported, "drain", "split and switch")
	for _, err := range []error{New().Health(t.Context()), func() error { _, err := invoke(t, New(), "weights", nil); return err }()} {
		if e := effect.AsError(err); e == nil || e.Code != effect.CodeInternal {
			t.Errorf("unconfigured: %v", err)
		}
	}
}
