package effect_test

import (
	"fmt"
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

func TestDeclared(t *testing.T) {
	for text, want := range map[string]string{
		`traffic.weights.green = 10`:         `[traffic weights green] 10`,
		`traffic.weights["green.eu"]=10`:     `[traffic weights green.eu] 10`,
		`traffic.pools["a.b"].weights.x = 5`: `[traffic pools a.b weights x] 5`,
		`deploy.envs.green.version = v2`:     `[deploy envs green version] v2`,
		`deploy.envs.green.version = "1.10"`: `[deploy envs green version] 1.10`,
		`exec.vars.frozen = true`:            `[exec vars frozen] true`,
		`traffic.weights.green`:              `error: "traffic.weights.green" says nothing of the form MODULE.PATH = VALUE`,
		`traffic = 1`:                        `error: "traffic = 1" names a module and nothing in it`,
		`traffic..green = 1`:                 `error: "traffic..green = 1" has an empty name in its path`,
		`traffic.weights["green = 1`:         `error: "traffic.weights[\"green = 1" has a [ without ]`,
	} {
		path, value, err := effect.ParseDeclared(text)
		got := fmt.Sprint(path, " ", value)
		if fe, ok := err.(*effect.FieldError); ok {
			got = "error: " + fe.Problem
		}
		if got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
}
