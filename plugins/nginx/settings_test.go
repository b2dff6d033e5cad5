package nginx

import (
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins/plugintest"
)

func TestSettings(t *testing.T) {
	pool := func(more map[string]any) map[string]any {
		p := map[string]any{"file": "/etc/nginx/runbook/web.conf", "status": "http://127.0.0.1:81/runbook/web", "servers": map[string]any{"blue": "blue", "green": "green"}}
		for k, v := range more {
			p[k] = v
		}
		return p
	}
	other := pool(map[string]any{"file": "/etc/nginx/runbook/api.conf"})
	for what, config := range map[string]map[string]any{
		"a name with a dash":           {"pools": map[string]any{"we-b": pool(nil)}},
		"an address without http":      {"pools": map[string]any{"web": pool(map[string]any{"status": "127.0.0.1:81"})}},
		"a decider with a quote":       {"pools": map[string]any{"web": pool(map[string]any{"by": `$request_id"`})}},
		"an upstream with a semicolon": {"pools": map[string]any{"web": pool(map[string]any{"servers": map[string]any{"blue": "blue; }"}})}},
		"one upstream twice":           {"pools": map[string]any{"web": pool(map[string]any{"servers": map[string]any{"blue": "blue", "green": "blue"}})}},
		"a server called pool":         {"pools": map[string]any{"web": pool(map[string]any{"servers": map[string]any{"pool": "blue"}})}},
		"one file twice":               {"pools": map[string]any{"web": pool(nil), "api": pool(nil)}},
	} {
		if err := plugintest.Configure(New(), config); effect.AsError(err) == nil || effect.AsError(err).Code != effect.CodeInvalid {
			t.Errorf("%s: %v", what, err)
		}
	}
	err := plugintest.Configure(New(), map[string]any{"pool": "wbe", "pools": map[string]any{"web": pool(nil)}})
	plugintest.WantError(t, err, effect.CodeNotFound, `no pool "wbe"`, `did you mean "web"`)
	two := plugintest.Configured(t, New(), map[string]any{"pools": map[string]any{"web": pool(nil), "api": other}})
	_, err = invoke(t, two, "weights", nil)
	plugintest.WantError(t, err, effect.CodeInvalid, "several", `pool = "api"`)
	_, err = invoke(t, two, "weights", map[string]any{"pool": "shop"})
	plugintest.WantError(t, err, effect.CodeNotFound, "api, web")
	_, err = two.Invoke(t.Context(), request(t, "drain", map[string]any{"server": "blue"}))
	plugintest.WantError(t, err, effect.CodeUnsupported, "drain", "split and switch")
	_, err = New().Invoke(t.Context(), request(t, "weights", nil))
	if e := effect.AsError(err); e == nil || e.Code != effect.CodeInternal {
		t.Errorf("unconfigured: %v", err)
	}
}
