package rehearse_test

import (
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/simulate"
)

// findings returns the ways in which runs ended and the invariants that were
// broken.
func findings(x *simulate.Explored) (outcomes, invariants []string) {
	broken := map[string]bool{}
	for _, f := range x.Failures {
		for _, v := range f.Broken {
			broken[v.Invariant] = true
		}
	}
	return slices.Sorted(maps.Keys(x.Outcomes)), slices.Sorted(maps.Keys(broken))
}

// TestAlikeFindsWhatAllFind: where one schedule stands for many, the same endings
// and the same findings come out as where each is tried.
func TestAlikeFindsWhatAllFind(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/seeded/*.*.lua")
	if err != nil {
		t.Fatal(err)
	}
	files = part(files, 6)
	saved := 0
	for _, path := range files {
		file := filepath.Base(path)
		if strings.HasSuffix(file, ".world.lua") {
			continue
		}
		saved += sameFindings(t, file, 1)
	}
	if saved < len(files)/6 {
		t.Errorf("only %d schedules were saved", saved)
	}
}

// sameFindings compares both ways to explore a runbook, with pairs of faults as
// well where there are few, and returns how many schedules one saved.
func sameFindings(t *testing.T, file string, depth int) int {
	t.Helper()
	every, alike := seededExplorer(t, file, func(simulate.Schedule) {}), seededExplorer(t, file, func(simulate.Schedule) {})
	every.Depth, alike.Depth, alike.Alike = depth, depth, true
	all, err := every.Explore(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	some, err := alike.Explore(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	wantOutcomes, wantBroken := findings(all)
	gotOutcomes, gotBroken := findings(some)
	if !slices.Equal(gotOutcomes, wantOutcomes) || !slices.Equal(gotBroken, wantBroken) {
		t.Errorf("%s: %d schedules came to %q and found %q; all %d come to %q and find %q", file, some.Schedules, gotOutcomes, gotBroken, all.Schedules, wantOutcomes, wantBroken)
	}
	if depth == 1 && all.Schedules < 8 && !testing.Short() {
		sameFindings(t, file, 2)
	}
	return all.Schedules - some.Schedules
}
