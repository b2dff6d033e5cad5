package interpreter_test

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/q-ecosystem/runbook/interpreter"
	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/script"
	"github.com/q-ecosystem/runbook/interpreter/simulate"
	"github.com/q-ecosystem/runbook/stdlib"
)

// seeded lists the planted faults: the invariant by which each is to be found,
// and the fewest faults of a schedule that bring it to light.
var seeded = []struct {
	name, invariant string
	depth           int
}{
	{"dns-first", "names follow the primary", 1},
	{"endless-wait", "a run ends", 1},
	{"failing-rollback", "every rollback completes", 1},
	{"forgotten-rollback", "a run that did not succeed leaves no traffic on what is bad", 1},
	{"gate-without-data", "no traffic is moved to what is known to be bad", 1},
	{"ignored-no", "blue goes only with a yes", 1},
	{"late-rollback", "a run that did not succeed leaves traffic and DNS as they were", 1},
	{"no-lock", "what others share is changed under a lock", 1},
	{"rollback-to-nowhere", "a run that did not succeed leaves traffic and DNS as they were", 1},
	{"swallowed-error", "no traffic goes to what was taken away", 1},
	{"two-primaries", "there is one writable primary at most", 1},
	{"unsafe-retry", "nothing is done twice", 1},
}

func TestExploreFindsWhatIsPlanted(t *testing.T) {
	for _, seed := range seeded {
		t.Run(seed.name, func(t *testing.T) {
			found := exploreSeeded(t, seed.name+".bug.lua", seed.depth)
			if !broke(found, seed.invariant) {
				t.Errorf("explore did not find that %q is broken; outcomes: %v", seed.invariant, found.Outcomes)
			}
			// The correct version has nothing to report, at depth 2 either.
			found = exploreSeeded(t, seed.name+".ok.lua", 2)
			for _, trial := range found.Failures {
				t.Errorf("the correct version under %s: %v", trial.Schedule, trial.Broken)
			}
			if found.Schedules < 5 {
				t.Errorf("only %d schedules were tried", found.Schedules)
			}
		})
	}
}

// TestSeededFilesAreListed keeps the list and the files together.
func TestSeededFilesAreListed(t *testing.T) {
	files, err := filepath.Glob("testdata/seeded/*.bug.lua")
	if err != nil || len(files) != len(seeded) {
		t.Errorf("%d runbooks have a planted fault, %d are listed: %v", len(files), len(seeded), err)
	}
}

// TestSecondFaultsFollowEveryFirst: whatever the first fault is, the second one
// strikes what comes after it, the rollback that it led to included.
func TestSecondFaultsFollowEveryFirst(t *testing.T) {
	second := map[simulate.Kind]map[string]bool{}
	var mu sync.Mutex
	exploreWith(t, "failing-rollback.ok.lua", 2, func(s simulate.Schedule) {
		mu.Lock()
		defer mu.Unlock()
		if len(s) == 2 && second[s[0].Kind] == nil {
			second[s[0].Kind] = map[string]bool{}
		}
		if len(s) == 2 {
			second[s[0].Kind][s[1].Place] = true
		}
	})
	for _, kind := range []simulate.Kind{simulate.Refused, simulate.TimedOut, simulate.KilledBefore, simulate.Unhealthy} {
		if len(second[kind]) == 0 {
			t.Errorf("no second fault was tried after %q", kind)
		}
	}
	if !second[simulate.Refused]["r1.1.1"] {
		t.Errorf("after a refusal only %v was struck, not the rollback", second[simulate.Refused])
	}
}

func exploreSeeded(t *testing.T, file string, depth int) *simulate.Explored {
	t.Helper()
	return exploreWith(t, file, depth, func(simulate.Schedule) {})
}

// told is a Runner that tells of each schedule.
type told struct {
	simulate.Runner
	tell func(simulate.Schedule)
}

func (r told) Rehearse(ctx context.Context, w *simulate.World, s simulate.Schedule) (simulate.Ending, error) {
	r.tell(s)
	return r.Runner.Rehearse(ctx, w, s)
}

func exploreWith(t *testing.T, file string, depth int, tell func(simulate.Schedule)) *simulate.Explored {
	t.Helper()
	read := func(name string) script.Source {
		text, err := os.ReadFile(filepath.Join("testdata", "seeded", name))
		if err != nil {
			t.Fatal(err)
		}
		return script.Source{Name: name, Text: text}
	}
	catalog, err := effect.NewCatalog(append(stdlib.Modules(), effect.Control())...)
	if err != nil {
		t.Fatal(err)
	}
	world := "world.lua"
	if own := strings.Split(file, ".")[0] + ".world.lua"; exists(filepath.Join("testdata", "seeded", own)) {
		world = own
	}
	scenario, err := interpreter.LoadScenario(t.Context(), read(world), nil, catalog, stdlib.Models())
	if err != nil {
		t.Fatal(err)
	}
	setup, err := scenario.Setup(stdlib.Models(), simulate.Standard())
	if err != nil {
		t.Fatal(err)
	}
	explorer := simulate.Explorer{Depth: depth, Workers: runtime.NumCPU(), Setup: setup,
		Runner: told{&interpreter.Rehearsal{Main: read(file), Catalog: catalog, Cache: script.NewCache()}, tell}}
	found, err := explorer.Explore(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func broke(found *simulate.Explored, invariant string) bool {
	for _, trial := range found.Failures {
		for _, v := range trial.Broken {
			if v.Invariant == invariant {
				return true
			}
		}
	}
	return false
}
