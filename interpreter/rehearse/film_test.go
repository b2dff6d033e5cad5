package rehearse_test

import (
	"path/filepath"
	"reflect"
	"slices"
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/rehearse"
	"github.com/q-ecosystem/runbook/interpreter/simulate"
)

// TestRunsGoOnFromTheFilmAsFromTheStart: a run that goes on from a moment of
// another comes to the same record, the same world and the same findings as one
// that begins at the beginning.
func TestRunsGoOnFromTheFilmAsFromTheStart(t *testing.T) {
	files, err := filepath.Glob("testdata/seeded/*.bug.lua")
	if err != nil {
		t.Fatal(err)
	}
	files = part(files, 3)
	short, all := 0, 0
	for _, path := range files {
		file := filepath.Base(path)
		x := seededExplorer(t, file, func(simulate.Schedule) {})
		runner := x.Runner.(told).Runner.(*rehearse.Runner)
		s, n := sameFromFilm(t, file, runner, x.Setup)
		short, all = short+s, all+n
	}
	if short < all/2 {
		t.Errorf("only %d of %d schedules began at a moment of the film", short, all)
	}
	if testing.Short() {
		return // the next one alone takes the detector minutes
	}
	runner, setup := blueGreen(t, lab())
	if s, n := sameFromFilm(t, "blue-green.lua", runner, setup); s < n/2 {
		t.Errorf("blue-green: only %d of %d schedules began at a moment of the film", s, n)
	}
}

// sameFromFilm compares single faults, every third kind at each effect, and returns how many of how
// many runs went on from the film.
func sameFromFilm(t *testing.T, file string, runner *rehearse.Runner, setup simulate.Setup) (short, all int) {
	t.Helper()
	base := simulate.NewWorld(setup)
	if _, err := runner.Rehearse(t.Context(), base, nil); err != nil {
		t.Fatal(err)
	}
	film, err := runner.Film(t.Context(), simulate.NewWorld(setup), func(effect.Place) bool { return true })
	if err != nil {
		t.Fatal(err)
	}
	for i, call := range base.Effects() {
		for k, kind := range simulate.Faults(call, setup.Catalog) {
			if (i+k)%3 > 0 {
				continue
			}
			s := simulate.Schedule{{Place: call.Place, Kind: kind}}
			all++
			w, got, ok, err := film.Rehearse(t.Context(), setup, s)
			if err != nil {
				t.Fatal(err)
			}
			if !ok {
				continue
			}
			short++
			whole := simulate.NewWorld(setup)
			want, err := runner.Rehearse(t.Context(), whole, s)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.EqualFunc(got.Events, want.Events, func(a, b effect.Event) bool { return reflect.DeepEqual(a, b) }) || got.Status != want.Status {
				t.Fatalf("%s, %s: %s with %d events from the film, %s with %d from the start\n%s", file, s, got.Status, len(got.Events), want.Status, len(want.Events), firstOther(got.Events, want.Events))
			}
			if !reflect.DeepEqual(w.End(got), whole.End(want)) || !reflect.DeepEqual(w.Entries(), whole.Entries()) || !reflect.DeepEqual(w.State(), whole.State()) {
				t.Fatalf("%s, %s: another world comes out from the film", file, s)
			}
		}
	}
	return short, all
}

// firstOther shows where two records part.
func firstOther(a, b []effect.Event) string {
	for i := range min(len(a), len(b)) {
		if !reflect.DeepEqual(a[i], b[i]) {
			return a[i].At.String() + " " + string(a[i].Kind) + " " + string(a[i].Place) + " " + string(a[i].Body.Args) + "\n" +
				b[i].At.String() + " " + string(b[i].Kind) + " " + string(b[i].Place) + " " + string(b[i].Body.Args)
		}
	}
	return ""
}
