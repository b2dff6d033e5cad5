package traffic

import (
	"fmt"
	"math"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/stdlib/internal/plain"
)

// MaxWeight is the largest weight that HAProxy takes.
const MaxWeight = 256

// Kept is a split that keeps what it does not name: the shares that are named are of
// the whole, and all others share the rest in the proportions that they have.
// Backends and the model reckon by the same one; applied to what it leads to, it
// changes nothing.
type Kept struct {
	Pool   string             // for errors: "pool web"
	Named  map[string]float64 // the shares that are named, in percent
	Others map[string]int     // the weights of all others, as they are set
	Out    map[string]bool    // those of the others that are taken out: they count for nothing
}

// Keeps reports whether a split leaves a rest to those that it does not name.
func Keeps(args map[string]any) bool {
	if args["others"] != "keep" {
		return false
	}
	sum := 0.0
	for _, share := range Named(args) {
		sum += share
	}
	return sum < 100-1e-6
}

// Named returns the shares that a split names, in percent, by server.
func Named(args map[string]any) map[string]float64 {
	out := map[string]float64{}
	for name, v := range args {
		if share, ok := v.(float64); ok && name != "pool" {
			out[name] = share
		}
	}
	return out
}

// rest returns the share in percent that is left to the others.
func (k Kept) rest() float64 {
	rest := 100.0
	for _, share := range k.Named {
		rest -= share
	}
	return rest
}

// counting returns what the others that are not taken out weigh together.
func (k Kept) counting() int {
	sum := 0
	for name, w := range k.Others {
		if !k.Out[name] {
			sum += w
		}
	}
	return sum
}

// empty returns the error where nobody could take the rest.
func (k Kept) empty() *effect.Error {
	if k.counting() > 0 {
		return nil
	}
	return effect.Errorf(effect.CodeConflict, "nothing of %s but the servers named has a share to keep, and %s would be left over; nothing changed", k.Pool, percent(k.rest())).
		WithHint(`name every server that is to take traffic, with shares that add up to 100 and without others = "keep"`)
}

// Shares returns the split in parts of a whole number, all others included. Those of
// the others that are taken out keep their proportion to the rest of them.
func (k Kept) Shares(whole int) (map[string]int, *effect.Error) {
	if err := k.empty(); err != nil {
		return nil, err
	}
	out, left := map[string]int{}, whole
	for _, name := range plain.SortedNames(k.Named) {
		out[name] = int(math.Round(k.Named[name] * float64(whole) / 100))
		left -= out[name]
		if k.Named[name] > 0 && out[name] == 0 {
			return nil, k.tooFine(name, k.Named[name], whole)
		}
	}
	rest, counting := left, k.counting()
	var order []string // of the others that count, the ones that rounding down takes most from first
	lost := map[string]int{}
	for _, name := range plain.SortedNames(k.Others) {
		w := k.Others[name]
		if k.Out[name] {
			out[name] = max((w*rest+counting/2)/counting, min(w, 1))
			continue
		}
		out[name], lost[name] = w*rest/counting, w*rest%counting
		left -= out[name]
		at := len(order)
		for at > 0 && lost[order[at-1]] < lost[name] {
			at--
		}
		order = append(order[:at], append([]string{name}, order[at:]...)...)
	}
	for i := range left {
		out[order[i]]++
	}
	for _, name := range plain.SortedNames(k.Others) {
		if k.Others[name] > 0 && out[name] == 0 {
			return nil, k.tooFine(name, float64(k.Others[name]*rest)*100/float64(counting*whole), whole)
		}
	}
	return out, nil
}

func (k Kept) tooFine(name string, share float64, whole int) *effect.Error {
	return effect.Errorf(effect.CodeInvalid, "%s of %s cannot be given %s: the smallest share is %s", name, k.Pool, percent(share), percent(100/float64(whole))).
		WithHint("ask for less of the whole, or name every server that is to take traffic")
}

// Weights returns the split as whole weights, all others included, each at most most
// times MaxWeight, where the name is in it. The others' weights stay untouched if
// they allow shares within half a percent point; else they are multiplied by what
// keeps their proportions exactly; else they are rounded, also to within that. Of
// what serves equally well, the sum is the nearest to scale.
func (k Kept) Weights(scale int, most map[string]int) (map[string]int, *effect.Error) {
	if err := k.empty(); err != nil {
		return nil, err
	}
	if w, miss := k.weigh(k.Others, most); miss <= setTolerance {
		return w, nil
	}
	common, largest := 0, 0
	for _, w := range k.Others {
		largest = max(largest, w)
		for a := w; a != 0; {
			common, a = a, common%a
		}
	}
	best := weighing{scale: scale, miss: math.Inf(1)}
	for by := 1; by*largest/common <= MaxWeight; by++ {
		best.offer(k.weigh(k.multiplied(func(w int) int { return w / common * by }), most))
	}
	if best.miss > setTolerance {
		for top := 1; top <= MaxWeight; top++ {
			best.offer(k.weigh(k.multiplied(func(w int) int {
				if w == 0 {
					return 0
				}
				return max(1, int(math.Round(float64(w*top)/float64(largest))))
			}), most))
		}
	}
	if best.miss > setTolerance {
		return nil, effect.Errorf(effect.CodeInvalid, "%s cannot be divided so: weights are whole numbers up to %d, and the nearest to what is asked misses a share by %s points",
			k.Pool, MaxWeight, fmt.Sprintf("%.2g", best.miss)).
			WithHint(`name every server that is to take traffic, without others = "keep"`)
	}
	return best.weights, nil
}

func (k Kept) multiplied(by func(int) int) map[string]int {
	out := make(map[string]int, len(k.Others))
	for name, w := range k.Others {
		out[name] = by(w)
	}
	return out
}

// weigh adds the weights of those that are named to those of the others. It returns
// by how many percent points a share is missed at most: infinitely many where
// somebody cannot have the weight, or would have none.
func (k Kept) weigh(others, most map[string]int) (map[string]int, float64) {
	now := Kept{Others: others, Out: k.Out}.counting()
	out, total := make(map[string]int, len(others)+len(k.Named)), now
	for name, w := range others {
		out[name] = w
	}
	for name, share := range k.Named {
		w := int(math.Round(share * float64(now) / k.rest()))
		if room, given := most[name]; share > 0 && w == 0 || given && w > room*MaxWeight || !given && w > MaxWeight {
			return nil, math.Inf(1)
		}
		out[name] = w
		total += w
	}
	miss := 0.0
	missed := func(w int, share float64) { miss = max(miss, math.Abs(100*float64(w)/float64(total)-share)) }
	missed(now, k.rest())
	for name, share := range k.Named {
		missed(out[name], share)
	}
	if k.counting() != now { // else they are as they were
		for name, w := range others {
			if !k.Out[name] {
				missed(w, k.rest()*float64(k.Others[name])/float64(k.counting()))
			}
		}
	}
	return out, miss
}

// weighing is the best of several weighings.
type weighing struct {
	scale   int
	weights map[string]int
	miss    float64
	off     int // by how much the sum misses the scale
}

// same is the difference of percent points that does not count.
const same = 1e-9

func (b *weighing) offer(weights map[string]int, miss float64) {
	sum := 0
	for _, w := range weights {
		sum += w
	}
	off := max(sum-b.scale, b.scale-sum)
	if miss < b.miss-same || miss <= b.miss+same && off < b.off {
		b.weights, b.miss, b.off = weights, miss, off
	}
}
