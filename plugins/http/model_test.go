package http

import (
	"fmt"
	"maps"
	"math/rand/v2"
	nethttp "net/http"
	"reflect"
	"testing"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins"
	"github.com/q-ecosystem/runbook/plugins/plugintest"
	contract "github.com/q-ecosystem/runbook/stdlib/http"
)

// TestModelDoesWhatAServiceDoes asks a real service and the model of the module
// the same at random, and holds what comes back against each other.
func TestModelDoesWhatAServiceDoes(t *testing.T) {
	type reply struct {
		status      int
		body        string
		json        any
		contentType string
	}
	replies := map[string]reply{}
	scenario := obj{}
	url := serve(t, func(w nethttp.ResponseWriter, r *nethttp.Request) {
		is := replies[r.Method+" "+r.URL.Path]
		w.Header().Set("Content-Type", is.contentType)
		w.WriteHeader(is.status)
		if is.json != nil {
			data, err := contract.EncodeJSON(is.json)
			if err != nil {
				panic(err)
			}
			_, _ = w.Write(data)
			return
		}
		fmt.Fprint(w, is.body)
	})
	random := rand.New(rand.NewPCG(2, 5))
	methods := []string{"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
	statuses := []int{200, 200, 201, 202, 302, 400, 404, 409, 429, 500, 502, 503, 504, 522}
	const paths = 60
	for i := range paths {
		for _, method := range methods {
			is := reply{status: statuses[random.IntN(len(statuses))], contentType: "text/plain"}
			says := obj{"status": float64(is.status)}
			switch random.IntN(4) {
			case 0:
				is.json, is.contentType = []any{obj{"n": float64(random.IntN(9)), "$x": "a<b"}, "é", true}, "application/json"
				says["json"] = is.json
			case 1:
				is.body = fmt.Sprintf("text %d", random.IntN(100))
				says["body"] = is.body
			}
			says["headers"] = obj{"content-type": is.contentType}
			path := fmt.Sprintf("/p%02d", i)
			replies[method+" "+path], scenario[method+" "+url+path] = is, says
		}
	}
	scenario["http://unreachable.invalid"] = obj{"unreachable": true}
	model := contract.NewModel()
	if err := model.Load(obj{"responses": scenario}); err != nil {
		t.Fatal(err)
	}
	b := backend(t, nil)
	op := &contract.Module().Ops[0]
	codes := map[effect.Code]int{}
	const steps = 500
	for i := range steps {
		args := obj{"url": url + fmt.Sprintf("/p%02d", random.IntN(paths)), "method": methods[random.IntN(len(methods))]}
		switch random.IntN(6) {
		case 0:
			args["ok"] = []any{float64(statuses[random.IntN(len(statuses))]), 200.0}
		case 1:
			args["class"] = []string{"read", "write"}[random.IntN(2)]
		case 2:
			if i%5 == 0 {
				args["url"] = "http://unreachable.invalid/x"
			}
		}
		checked, err := op.Check(args)
		if err != nil {
			t.Fatal(err)
		}
		real, realErr := b.Invoke(t.Context(), plugins.Request{Op: "request", Args: maps.Clone(checked), Progress: func(string) {}})
		modeled, modelErr := model.Do(effect.Moment{Now: time.Unix(int64(i), 0), World: func(string) map[string]any { return nil }}, "request", checked)
		if realErr != nil || modelErr != nil {
			r, m := effect.AsError(realErr), effect.AsError(modelErr)
			if r == nil || m == nil || r.Code != m.Code || r.Retryable != m.Retryable {
				t.Fatalf("step %d, %v: the service gives %v, the model %v", i, args, realErr, modelErr)
			}
			codes[r.Code]++
			continue
		}
		codes[""]++
		is, says := told(real), told(modeled)
		if !reflect.DeepEqual(is, says) {
			t.Fatalf("step %d, %v:\nthe service gives %v\nthe model         %v", i, args, is, says)
		}
	}
	for _, code := range []effect.Code{"", effect.CodeFailed, effect.CodeUnknown, effect.CodeUnavailable} {
		if codes[code] < steps/100 {
			t.Errorf("%d of %d steps ended in %q: the walk shows too little", codes[code], steps, code)
		}
	}
	plugintest.Compared(t, "http", services, steps)
}

// told leaves out what no model can know: how long it took, and headers that
// every server adds.
func told(value any) map[string]any {
	v := maps.Clone(value.(map[string]any))
	delete(v, "seconds")
	v["headers"] = v["headers"].(map[string]any)["content-type"]
	return v
}
