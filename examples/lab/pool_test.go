package lab

import (
	"reflect"
	"testing"
	"time"
)

// testPool returns a pool of running servers with these weights.
func testPool(weights ...int) *pool {
	var servers []*server
	for i, w := range weights {
		servers = append(servers, &server{name: string(rune('a' + i)), initial: w})
	}
	return newPool("web", servers, time.Now())
}

// picks returns how often each server is chosen in n requests.
func picks(p *pool, n int) []int {
	count := make([]int, len(p.servers))
	for range n {
		if s := p.pick(nil); s != nil {
			count[s.id-1]++
		}
	}
	return count
}

func TestRoundRobinIsExact(t *testing.T) {
	for _, c := range []struct {
		weights []int
		n       int
		want    []int
	}{
		{[]int{90, 10}, 10, []int{9, 1}},
		{[]int{90, 10}, 100, []int{90, 10}},
		{[]int{50, 50}, 2, []int{1, 1}},
		{[]int{1, 256}, 257, []int{1, 256}},
		{[]int{97, 3}, 100, []int{97, 3}},
		{[]int{0, 100}, 7, []int{0, 7}},
		{[]int{20, 30, 50}, 10, []int{2, 3, 5}},
		{[]int{0, 0}, 5, []int{0, 0}},
	} {
		if got := picks(testPool(c.weights...), c.n); !reflect.DeepEqual(got, c.want) {
			t.Errorf("weights %v: %d requests went %v, want %v", c.weights, c.n, got, c.want)
		}
	}
}

// A new division is exact from its first request on, whatever went before.
func TestRoundRobinAfterChange(t *testing.T) {
	p := testPool(100, 0)
	for green := 1; green < 100; green++ {
		picks(p, green) // leaves the old division somewhere in its cycle
		p.update(func(time.Time) { p.servers[0].weight, p.servers[1].weight = 100-green, green })
		if got := picks(p, 100); got[1] != green {
			t.Fatalf("at %d%%: 100 requests went %v", green, got)
		}
	}
}

// Setting what is set already does not disturb the cycle.
func TestRoundRobinAfterNoChange(t *testing.T) {
	p := testPool(90, 10)
	total := 0
	for range 100 {
		p.update(func(time.Time) { p.servers[0].weight = 90 })
		total += picks(p, 1)[1]
	}
	if total != 10 {
		t.Errorf("%d of 100 requests went to the one with 10%%", total)
	}
}

func TestHealthRisesAndFalls(t *testing.T) {
	p := testPool(100)
	s, ok, bad := p.servers[0], checkResult{status: "L7OK"}, checkResult{status: "L4CON"}
	for i, step := range []struct {
		result checkResult
		want   string
	}{{ok, "UP"}, {bad, "UP 1/2"}, {ok, "UP"}, {bad, "UP 1/2"}, {bad, "DOWN"}, {bad, "DOWN"}, {ok, "UP"}} {
		p.update(func(now time.Time) { s.note(step.result, now) })
		if got := s.status(); got != step.want {
			t.Errorf("step %d: %s, want %s", i, got, step.want)
		}
	}
	if s.counts.downs != 1 || s.counts.checkFails != 3 {
		t.Errorf("%d times down, %d failed checks", s.counts.downs, s.counts.checkFails)
	}
}
