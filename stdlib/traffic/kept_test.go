package traffic

import (
	"maps"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/stdlib/internal/modeltest"
)

func TestWeightsThatAreKept(t *testing.T) {
	type weights = map[string]int
	type shares = map[string]float64
	for name, c := range map[string]struct {
		named  shares
		others weights
		out    map[string]bool
		scale  int
		want   weights // nil if it cannot be
	}{
		"others untouched":                         {shares{"g": 10}, weights{"a": 60, "b": 30}, nil, 100, weights{"a": 60, "b": 30, "g": 10}},
		"all of them back":                         {shares{"g": 0}, weights{"a": 60, "b": 30}, nil, 100, weights{"a": 60, "b": 30, "g": 0}},
		"two named":                                {shares{"g": 10, "h": 20}, weights{"a": 50, "b": 20}, nil, 100, weights{"a": 50, "b": 20, "g": 10, "h": 20}},
		"weights of one, as a file has them":       {shares{"g": 10}, weights{"a": 1, "b": 1}, nil, 100, weights{"a": 45, "b": 45, "g": 10}},
		"too heavy to leave more to":               {shares{"g": 90}, weights{"a": 100, "b": 100}, nil, 100, weights{"a": 5, "b": 5, "g": 90}},
		"proportions stay to the last":             {shares{"g": 95}, weights{"a": 70, "b": 30}, nil, 100, weights{"a": 7, "b": 3, "g": 190}},
		"proportions too fine for what is left":    {shares{"g": 95}, weights{"a": 97, "b": 3}, nil, 100, weights{"a": 12, "b": 1, "g": 247}},
		"who is out counts for nothing, and stays": {shares{"g": 10}, weights{"a": 90, "b": 50}, map[string]bool{"b": true}, 100, weights{"a": 90, "b": 50, "g": 10}},
		"who is out goes along":                    {shares{"g": 50}, weights{"a": 200, "b": 100}, map[string]bool{"b": true}, 100, weights{"a": 200, "b": 100, "g": 200}},
		"too fine":                                 {shares{"g": 0.1}, weights{"a": 250}, nil, 256, nil},
		"others that would be too fine":            {shares{"g": 99.9}, weights{"a": 250}, nil, 256, nil},
	} {
		got, err := Kept{Pool: "pool web", Named: c.named, Others: c.others, Out: c.out}.Weights(c.scale, nil)
		if !maps.Equal(got, c.want) || (err != nil) != (c.want == nil) || err != nil && err.Code != effect.CodeInvalid {
			t.Errorf("%s: %v, %v, want %v", name, got, err, c.want)
		}
	}
}

// TestKeptIsAtRest: a split that was made asks for nothing more, by which Observe
// knows it; nobody who took requests is left without, and shares are met.
func TestKeptIsAtRest(t *testing.T) {
	random := rand.New(rand.NewPCG(2, 9))
	done := 0
	for range 2000 {
		k := Kept{Pool: "pool web", Named: map[string]float64{"g": float64(random.IntN(100))}, Others: map[string]int{}, Out: map[string]bool{"d": true}}
		for _, name := range []string{"a", "b", "c", "d"} {
			k.Others[name] = random.IntN([]int{2, 11, 101, 257}[random.IntN(4)])
		}
		if k.counting() == 0 {
			continue
		}
		again := func(got map[string]int) Kept {
			next := k
			next.Others = maps.Clone(got)
			delete(next.Others, "g")
			return next
		}
		got, err := k.Weights(100, nil)
		if err != nil {
			continue
		}
		done++
		if twice, err := again(got).Weights(100, nil); err != nil || !maps.Equal(twice, got) {
			t.Fatalf("%v becomes %v, and once more %v, %v", k, got, twice, err)
		}
		parts, err := k.Shares(10000)
		if err != nil {
			t.Fatalf("%v: %v", k, err)
		}
		if twice, err := again(parts).Shares(10000); err != nil || !maps.Equal(twice, parts) {
			t.Fatalf("%v becomes %v, and once more %v, %v", k, parts, twice, err)
		}
		for made, most := range map[*map[string]int]float64{&got: setTolerance, &parts: 0.01} {
			total := 0
			for name, w := range *made {
				if !k.Out[name] {
					total += w
				}
				if k.Others[name] > 0 && w == 0 {
					t.Fatalf("%v becomes %v: %s takes nothing any more", k, *made, name)
				}
			}
			for name, w := range *made {
				want := k.Named[name]
				if name != "g" {
					want = (100 - k.Named["g"]) * float64(k.Others[name]) / float64(k.counting())
				}
				if is := 100 * float64(w) / float64(total); !k.Out[name] && math.Abs(is-want) > most+same {
					t.Fatalf("%v becomes %v: %s has %v%%, want %v%%", k, *made, name, is, want)
				}
			}
		}
	}
	if done < 1500 {
		t.Errorf("%d of 2000 could be done", done)
	}
}

func TestTrafficSplitThatKeepsOthers(t *testing.T) {
	r := modeltest.New(t, Module(), obj{"weights": obj{"blue": 60.0, "red": 40.0, "green": 0.0}})
	keep := func(more obj) obj {
		out := obj{"others": "keep"}
		maps.Copy(out, more)
		return out
	}
	modeltest.Is(t, "keep", r.Must("split", keep(obj{"green": 50.0}))["weights"], obj{"green": 50.0, "blue": 30.0, "red": 20.0})
	modeltest.Is(t, "back", r.Must("split", keep(obj{"green": 0.0}))["weights"], obj{"green": 0.0, "blue": 60.0, "red": 40.0})
	modeltest.Is(t, "none as before", r.Must("split", obj{"green": 50.0, "blue": 50.0, "others": "none"})["weights"], obj{"green": 50.0, "blue": 50.0, "red": 0.0})
	for _, args := range []obj{keep(obj{"green": 60.0, "blue": 40.5}), keep(nil), {"green": 10.0, "others": "none"}} {
		if err := validateSplit(args); err == nil {
			t.Errorf("%v is allowed", args)
		}
	}
	r.Fails("split", keep(obj{"green": 20.0, "blue": 20.0}), effect.CodeConflict, "nothing of the configured pool but the servers named has a share to keep", "60% would be left over", "nothing changed")
	r.Fails("split", keep(obj{"grene": 20.0}), effect.CodeNotFound, `did you mean "green"`)
	modeltest.Is(t, "all of it", r.Must("split", keep(obj{"green": 100.0}))["weights"], obj{"green": 100.0, "blue": 0.0, "red": 0.0})
	r.Must("split", obj{"green": 50.0, "blue": 30.0, "red": 20.0})
	r.Must("drain", obj{"server": "red"})
	modeltest.Is(t, "one is out", r.Must("split", keep(obj{"green": 10.0}))["weights"], obj{"green": 10.0, "blue": 90.0, "red": 0.0})
	r.Must("ready", obj{"server": "red"})
	modeltest.Is(t, "and is ready again", r.Must("weights", nil)["weights"], obj{"green": 6.25, "blue": 56.25, "red": 37.5})

	down := modeltest.New(t, Module(), obj{"servers": obj{"blue": obj{"weight": 100.0, "status": "down"}, "green": obj{}}})
	if e := down.Fails("split", keep(obj{"green": 10.0}), effect.CodeConflict, "none of the servers of the configured pool that are to keep their share is up"); !e.Retryable {
		t.Error("a server that is down may come up")
	}
	modeltest.New(t, Module(), nil).Fails("split", keep(obj{"green": 10.0}), effect.CodeUnsupported, "nothing is known of the servers")
}
