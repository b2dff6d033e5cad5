package pinning

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins/plugintest"
	"github.com/q-ecosystem/runbook/stdlib"
)

// TestModelDoesWhatAServiceDoes walks a pinning service and the model of the
// module at random, and holds what they say against each other.
func TestModelDoesWhatAServiceDoes(t *testing.T) {
	l := newLab(t)
	meet(t, l.service, l.own)
	cids, content := []string{}, obj{}
	for i := range 5 {
		cid := l.content(t, 100+i*200<<10)
		cids, content[cid] = append(cids, cid), obj{"providers": []any{"own"}}
	}
	lost := cids[4] // nobody has it any more
	content[lost] = obj{}
	if _, err := l.maker.Invoke(t.Context(), request(t, "unpin", obj{"cid": lost})); err != nil {
		t.Fatal(err)
	}
	order(t, l.own, "repo/gc")
	model, b := stdlib.Models()["ipfs"], l.backend(t)
	if err := model.Load(obj{"content": content}); err != nil {
		t.Fatal(err)
	}
	random, seen := rand.New(rand.NewPCG(9, 2)), map[string]int{}
	pick := func(list ...string) string { return list[random.IntN(len(list))] }
	const steps = 150
	for i := range steps {
		op, args := pick("pins", "pin", "pin", "unpin"), obj{"cid": pick(cids...)}
		switch op {
		case "pins":
			args["type"] = pick("recursive", "all", "direct")
			if random.IntN(2) == 0 {
				delete(args, "cid")
			}
		case "pin":
			args["timeout"] = "1m"
			if args["cid"] == lost {
				args["timeout"] = "100ms"
			}
			if random.IntN(2) == 0 {
				args["name"] = pick("first", "second")
			}
		}
		req := request(t, op, args)
		moment := effect.Moment{Now: time.Unix(int64(i), 0), Key: fmt.Sprint(i), World: func(string) map[string]any { return nil }}
		modeled, modelErr := model.Do(moment, op, req.Args)
		real, realErr := b.Invoke(t.Context(), req)
		if realErr != nil || modelErr != nil {
			r, s := effect.AsError(realErr), effect.AsError(modelErr)
			if r == nil || s == nil || r.Code != s.Code {
				t.Fatalf("step %d, %s %v:\nthe service gives %v, %v\nthe model        %v, %v", i, op, args, real, realErr, modeled, modelErr)
			}
			seen[op+" "+string(r.Code)]++
			continue
		}
		if !reflect.DeepEqual(real, modeled) {
			t.Fatalf("step %d, %s %v:\nthe service gives %v\nthe model        %v", i, op, args, real, modeled)
		}
		seen[op]++
	}
	for _, what := range []string{"pins", "pin", "unpin", "pin timeout"} {
		if seen[what] < steps/30 {
			t.Errorf("%s came %d times in %d steps: the walk shows too little (%v)", what, seen[what], steps, seen)
		}
	}
	plugintest.Compared(t, "pinning", testedOn(t), plugintest.Sum(seen))
}
