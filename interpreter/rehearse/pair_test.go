package rehearse_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/rehearse"
	"github.com/q-ecosystem/runbook/interpreter/script"
	"github.com/q-ecosystem/runbook/interpreter/simulate"
	"github.com/q-ecosystem/runbook/stdlib"
)

const (
	addHead = `runbook { name = "add", on_failure = "rollback", %s params = { address = { type = "string", default = "192.0.2.11" } } }
		local dns = require "dns"
		local was = dns.records { name = "edge.example.org" }.values
		local now = {}
		for i, v in ipairs(was) do now[i] = v end
		now[#now + 1] = params.address
		`
	addSet     = `dns.set { name = "edge.example.org", values = now }`
	addReplace = `dns.replace { name = "edge.example.org", from = was, to = now }`
)

// another takes the other address.
const another = "192.0.2.12"

func edge() *rehearse.Scenario {
	return &rehearse.Scenario{World: map[string]map[string]any{
		"dns":     {"records": []any{map[string]any{"name": "edge.example.org", "type": "A", "values": []any{"192.0.2.10"}}}},
		"traffic": {"weights": map[string]any{"blue": 100.0, "green": 0.0}},
		"files":   {"/var/log/a.log": map[string]any{"text": "a"}},
		"health":  {"aging": map[string]any{"timeline": []any{map[string]any{"at": 20.0 * 60, "error_rate": 5.0}}}},
	}}
}

// pairOf returns an explorer of two runs at once, the second one with the
// parameters given.
func pairOf(t *testing.T, first, second string, params map[string]any) *simulate.PairExplorer {
	t.Helper()
	catalog, err := effect.NewCatalog(append(stdlib.Modules(), effect.Control())...)
	if err != nil {
		t.Fatal(err)
	}
	open := func(text string, given map[string]any) *rehearse.Rehearsal {
		r, err := rehearse.New(t.Context(), rehearse.Options{Main: script.Source{Name: "add.lua", Text: []byte(text)}, Catalog: catalog, Scenario: edge(),
			Params: func(h script.Header, s *rehearse.Scenario) (map[string]any, error) { return s.Resolve(h.Params, given) }})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	e := open(first, nil).Pair(open(second, params))
	e.Workers = runtime.NumCPU()
	return e
}

func explorePair(t *testing.T, e *simulate.PairExplorer) *simulate.Paired {
	t.Helper()
	x, err := e.Explore(t.Context())
	if err != nil || x.Blocked != nil {
		t.Fatalf("%v, blocked: %v", err, x.Blocked)
	}
	return x
}

func toldOfPair(x *simulate.Paired) string {
	var b strings.Builder
	fmt.Fprintln(&b, x.Orders, x.Conflicts, x.Outcomes, x.Broken, x.Opaque, x.Left, x.Why)
	for _, f := range x.Failures {
		fmt.Fprintln(&b, f.After, f.Outcome(), f.Broken)
		for _, fact := range f.Timeline() {
			fmt.Fprintln(&b, fact.At, fact.Run, fact.Place, fact.Line())
		}
	}
	return b.String()
}

// addWithin adds to a record while a window is open, and takes ten minutes.
func addWithin(hours, name string) string {
	text := strings.ReplaceAll(fmt.Sprintf(addHead, "")+addSet, "edge.example.org", name)
	return strings.Replace(text, "local dns", `window { open = { "Mon `+hours+` UTC" }, needs = "10m" }
		local dns`, 1) + ` sleep "10m"`
}

// TestTwoRunsAtOnce: what two runs leave that do not know of each other is found
// where neither order leaves it, and nothing is where a lock or the system itself
// keeps them apart.
func TestTwoRunsAtOnce(t *testing.T) {
	inOneLine(t)
	plain, locked := fmt.Sprintf(addHead, ""), fmt.Sprintf(addHead, `locks = { "dns/edge" },`)
	shift := func(name string) string {
		return `runbook { name = "` + name + `", on_failure = "rollback" }
			local traffic = require "traffic"
			local was = traffic.weights {}.weights
			on_rollback(function() traffic.split { blue = was.blue, green = was.green } end)
			traffic.split { blue = 50, green = 50 }
			sleep "1m"
			`
	}
	constant := func(name string) string {
		return strings.NewReplacer("was.blue", "100", "was.green", "0").Replace(shift(name)) + `fail("no")`
	}
	archive := func(name, digits string) string {
		return `runbook { name = "a", on_failure = "stop" }
			local to = "/srv/` + name + `" .. time.format(now(), "` + digits + `") .. ".tar.gz"
			require("files").archive { paths = { "/var/log/a.log" }, to = to }
			require("files").hash { path = to }`
	}
	probe := `runbook { name = "a", on_failure = "stop" }
		local db = require "db"
		local b, day = db.backup { type = "full" }, time.format(now(), "%Y%m%d-%H%M%S")
		db.restore { copy = "probe-" .. day, backup = b.backup }
		db.validate { copy = "probe-" .. day }`
	aging := func(env string) string {
		return `runbook { name = "a", on_failure = "rollback" }
			local deploy, health = require "deploy", require "health"
			on_rollback(function() deploy.release { env = "` + env + `", version = "v1" } deploy.activate { env = "` + env + `" } end)
			deploy.release { env = "` + env + `", version = "v2" }
			deploy.activate { env = "` + env + `" }
			health.watch { env = "aging", during = "10m", slo = { error_rate = "< 1%" } }`
	}
	for _, tt := range []struct {
		name, first, second string
		broken              bool
		says                string // in the message, or among the outcomes
	}{
		{"files that are called by the time", archive("a-", "%Y%m%d-%H%M%S"), archive("b-", "%Y%m%d-%H%M%S"), false, "first succeeded"},
		{"an archive of one name an hour", archive("a-", "%Y%m%d-%H"), archive("a-", "%Y%m%d-%H"), false, "first failed, second succeeded"},
		{"copies that are called by the time", probe, probe, false, "first succeeded"},
		{"a window that closes meanwhile", addWithin("08:00-09:20", "edge.example.org"), addWithin("08:00-09:20", "other.example.org"), false, "first succeeded, second succeeded"},
		{"a lost update while a window is open", addWithin("08:00-09:20", "edge.example.org"), addWithin("08:00-09:20", "edge.example.org"), true, "values.* is"},
		{"a window that has room for one", addWithin("08:59-09:11", "edge.example.org"), addWithin("08:59-09:11", "other.example.org"), false, "first succeeded, second succeeded"},
		{"what turns bad in time", aging("shop"), aging("cart"), false, "first succeeded, second rolled_back"},
		{"a lost update", plain + addSet, plain + addSet, true, "values.* is 192.0.2.12; first, then second: 192.0.2.11, 192.0.2.12"},
		{"a lock that both take", locked + addSet, locked + addSet, false, "first refused (lock dns/edge), second succeeded"},
		{"a lock that one takes", locked + addSet, plain + addSet, true, "values.* is"},
		{"compare and swap", plain + addReplace, plain + addReplace, false, "first succeeded, second failed"},
		{"different records", plain + addSet, strings.ReplaceAll(plain+addSet, "edge.example.org", "other.example.org"), false, ""},
		{"a rollback takes back what the other one did", shift("a") + `fail("no")`, shift("b"), true, "first rolled_back, second succeeded"},
		{"a rollback puts back what it saw of the other one", shift("a") + `fail("no")`, shift("b") + `fail("no")`, true, "traffic.weights.blue is 50"},
		{"both go back to what is known", constant("a"), constant("b"), false, "first rolled_back, second rolled_back"},
		{"messages", `runbook { name = "a" } require("notify").send { to = "ops", text = "one" } sleep "1s" require("notify").send { to = "ops", text = "two" }`,
			`runbook { name = "b" } require("notify").send { to = "ops", text = "three" }`, false, ""},
		{"times in what is left", `runbook { name = "a" } require("db").backup { name = "orders" }`, `runbook { name = "b" } require("db").backup { name = "orders" }`, false, ""},
		{"parallel branches", plain + `parallel { a = function() ` + addSet + ` end, b = function() sleep "1s" end }`, plain + addSet, true, "values.* is"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			params := map[string]any{}
			if strings.Contains(tt.second, "params.address") {
				params["address"] = another
			}
			want := ""
			for _, workers := range []int{1, 2, 2} {
				e := pairOf(t, tt.first, tt.second, params)
				e.Workers = workers
				x := explorePair(t, e)
				got := toldOfPair(x)
				if want == "" {
					want = got
				}
				if got != want {
					t.Errorf("%d workers say\n%swhere one said\n%s", workers, got, want)
				}
				if (x.Broken > 0) != tt.broken || !strings.Contains(got, tt.says) {
					t.Fatalf("broken: %t, want %t, and %q in\n%s", x.Broken > 0, tt.broken, tt.says, got)
				}
				for _, f := range x.Failures {
					again, err := e.Reproduce(t.Context(), f.After)
					if err != nil || !reflect.DeepEqual(again.Broken, f.Broken) || again.Outcome() != f.Outcome() {
						t.Errorf("%s again: %v, %v, found was %v", f.After, again.Broken, err, f.Broken)
					}
				}
			}
		})
	}
}

// TestPairsThatAreCutSaySo: what a bound leaves out is counted.
func TestPairsThatAreCutSaySo(t *testing.T) {
	text := fmt.Sprintf(addHead, "") + addSet
	e := pairOf(t, text, text, map[string]any{"address": another})
	e.Limit = 1
	if x := explorePair(t, e); x.Orders != 1 || x.Left != 1 || x.Why != "limit" {
		t.Errorf("%d orders, %d left, %q", x.Orders, x.Left, x.Why)
	}
	e.Limit, e.Within = 0, time.Nanosecond
	if x := explorePair(t, e); x.Orders != 0 || x.Left != 2 || x.Why != "time" {
		t.Errorf("%d orders, %d left, %q", x.Orders, x.Left, x.Why)
	}
}

// TestPairsThatAreNotComparedSaySo: where time lets neither run come after the
// other, what both change is not compared, and counted.
func TestPairsThatAreNotComparedSaySo(t *testing.T) {
	text := addWithin("08:59-09:11", "edge.example.org")
	x := explorePair(t, pairOf(t, text, text, map[string]any{"address": another}))
	if x.Orders == 0 || x.Apart != x.Orders || x.Broken > 0 {
		t.Errorf("of %d orders %d were not compared, %d broken", x.Orders, x.Apart, x.Broken)
	}
}

// TestPairsNeedRunsThatEnd: a run that cannot be simulated alone says nothing
// beside another.
func TestPairsNeedRunsThatEnd(t *testing.T) {
	if testing.Short() {
		t.Skip("twenty thousand effects one after the other")
	}
	e := pairOf(t, `runbook { name = "a" }`, `runbook { name = "b" } while true do sleep "1s" end`, nil)
	x, err := e.Explore(t.Context())
	var stop *effect.Stop
	if err != nil || x.Blocked == nil || x.Blocked.Run != 1 || !errors.As(x.Blocked, &stop) {
		t.Errorf("%v, %v", err, x)
	}
}

// TestCorrectRunbooksStandBesideThemselves: the planted set's correct versions hold
// beside a run of the same.
func TestCorrectRunbooksStandBesideThemselves(t *testing.T) {
	files, err := filepath.Glob("testdata/seeded/*.ok.lua")
	if err != nil || len(files) < 20 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	files = part(files, 3)
	orders := 0
	for _, path := range files {
		one := seededExplorer(t, filepath.Base(path), func(simulate.Schedule) {})
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		main := script.Source{Name: filepath.Base(path), Text: text}
		h, err := script.ReadHeader(t.Context(), script.Options{Main: main, Catalog: one.Setup.Catalog})
		if err != nil {
			t.Fatal(err)
		}
		r := &rehearse.Rehearsal{Header: h, Setup: one.Setup, Runner: &rehearse.Runner{Main: main, Catalog: one.Setup.Catalog, Cache: script.NewCache()}}
		e := r.Pair(r)
		e.Workers = runtime.NumCPU()
		x := explorePair(t, e)
		for _, f := range x.Failures {
			t.Errorf("%s, %s after: %s: %v", path, f.After, f.Outcome(), f.Broken)
		}
		orders += x.Orders
	}
	if orders < len(files) {
		t.Errorf("only %d orders of %d runbooks were tried", orders, len(files))
	}
}
