package effect_test

import (
	"slices"
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

func TestPlacesAreMadeAndReadBack(t *testing.T) {
	main := effect.Place("")
	for _, tt := range []struct {
		place        effect.Place
		text         string
		line, parent effect.Place
		composite    effect.Place
		branch       string
	}{
		{main.Effect(7), "7", "", "", "", ""},
		{main.Mark(3), "~3", "", "", "", ""},
		{main.Effect(7).Effect(2), "7.2", "", "7", "7", ""},
		{main.Effect(7).Branch("a"), "7.a", "", "7", "", ""},
		{main.Effect(7).Branch("r1").Effect(2), "7.r1.2", "7.r1", "7.r1", "", "r1"},
		{main.Effect(7).Branch("p2").Mark(1), "7.p2.~1", "7.p2", "7.p2", "", "p2"},
		{main.Effect(7).Listed(1).Effect(2), "7.@1.2", "7.@1", "7.@1", "", "1"},
		{main.Effect(7).Branch("a").Effect(3).Effect(4), "7.a.3.4", "7.a", "7.a.3", "7.a.3", "a"},
		{main.Effect(7).Branch("a").Effect(3).Branch("b").Effect(1), "7.a.3.b.1", "7.a.3.b", "7.a.3.b", "", "b"},
		{effect.RollbackPlace(1, 12), "r1.12", "", "r1", "", ""},
		{effect.RollbackPlace(1, 12).Effect(3), "r1.12.3", "r1.12", "r1.12", "", ""},
		{effect.RollbackPlace(2, 1).Effect(3).Effect(1), "r2.1.3.1", "r2.1", "r2.1.3", "r2.1.3", ""},
		{effect.RollbackPlace(2, 1).Effect(3).Branch("a").Effect(1), "r2.1.3.a.1", "r2.1.3.a", "r2.1.3.a", "", "a"},
		{effect.QuestionPlace(1), "q1", "", "", "", ""},
		{main.Effect(7).Guard(), "p7", "", "", "", ""},
		{main.Effect(7).Effect(2).Guard(), "7.p2", "", "7", "7", ""},
	} {
		p := tt.place
		if string(p) != tt.text || p.Line() != tt.line || p.Parent() != tt.parent || p.BranchName() != tt.branch {
			t.Errorf("%q (want %q) stands in line %q, parent %q, branch %q; want %q, %q, %q",
				p, tt.text, p.Line(), p.Parent(), p.BranchName(), tt.line, tt.parent, tt.branch)
		}
		if at, ok := p.Composite(); tt.text != "7.a" && tt.text != "r1.12" && (at != tt.composite || ok != (tt.composite != "")) {
			t.Errorf("%s is part of the composite %q (%v), want %q", p, at, ok, tt.composite)
		}
		if back, err := effect.ParsePlace(tt.text); err != nil || back != p {
			t.Errorf("%s read back is %q, %v", tt.text, back, err)
		}
		if _, _, in := p.Rollback(); in != p.InRollback() || in != (tt.text[0] == 'r') {
			t.Errorf("%s belongs to a rollback: %v, %v", p, in, p.InRollback())
		}
	}
	if attempt, index, ok := effect.Place("r3.12.1").Rollback(); attempt != 3 || index != 12 || !ok {
		t.Errorf("r3.12.1 is of attempt %d, function %d, %v", attempt, index, ok)
	}
}

func TestNoPlaces(t *testing.T) {
	for _, text := range []string{"", ".", "0", "01", "-1", "a", "a.1", "7.", "7..2", "7.a.b", "7.@1.@2", "7.@0", "@1", "~1.2", "r1", "r0.1", "r1.a.1",
		"q1.2", "7.a b", "7.green.eu", "7.é", "7:2", "r1.~2", "99999999999999999999"} {
		if p, err := effect.ParsePlace(text); err == nil {
			t.Errorf("%q is read as the place %q", text, p)
		}
	}
}

func TestConcurrentPlaces(t *testing.T) {
	for _, tt := range []struct {
		p, q effect.Place
		want bool
	}{
		{"3.a.1", "3.b.1", true},
		{"3.@1.1", "3.@2.1", true},
		{"3.p1.1", "3.r2.1", true},
		{"3.p.1", "3.r.1", true},
		{"r1.2.3.a.1", "r1.2.3.b.1", true},
		{"3.a.1.x.1", "3.a.1.y.1", true},
		{"3.1.1", "3.2.1", false}, // composites inside a composite
		{"3.a.1", "3.a.2", false},
		{"3.a.1", "4.b.1", false},
		{"3.a.1", "4", false},
		{"r1.1.1", "r1.2.1", false},
		{"r1.1.1", "r2.1.1", false},
		{"3.a", "3.b", false}, // their ends, on the line of control that started them
	} {
		if got := tt.p.Concurrent(tt.q); got != tt.want || tt.q.Concurrent(tt.p) != tt.want {
			t.Errorf("%s and %s are concurrent: %v", tt.p, tt.q, got)
		}
	}
	if at, a, b, ok := effect.Place("3.x.2.a.1").Fork("3.x.2.b.4.1"); at != "3.x.2" || a != "3.x.2.a" || b != "3.x.2.b" || !ok {
		t.Errorf("they part at %q into %q and %q, %v", at, a, b, ok)
	}
}

func TestPlacesInTheirOrder(t *testing.T) {
	want := []effect.Place{"1", "2", "2.1", "2.2", "2.10", "2.~1", "3.@2.1", "3.@10.1", "3.a.1", "3.a10.1", "3.a2.1", "10", "p4", "q1", "r1.1.1", "r1.2.1",
		"r1.10.1", "r2.1.1", "r10.1.1", "~2", "~10"}
	got := slices.Clone(want)
	slices.Reverse(got)
	slices.SortFunc(got, effect.Place.Compare)
	if !slices.Equal(got, want) {
		t.Errorf("sorted: %v\nwant:   %v", got, want)
	}
}

func TestWithin(t *testing.T) {
	for _, tt := range []struct {
		p, q effect.Place
		want bool
	}{{"3.a.1", "3.a", true}, {"3.a", "3.a", false}, {"3.ab.1", "3.a", false}, {"3", "", true}, {"", "", false}, {"33.1", "3", false}} {
		if got := tt.p.Within(tt.q); got != tt.want {
			t.Errorf("%s stands inside %s: %v", tt.p, tt.q, got)
		}
	}
}
