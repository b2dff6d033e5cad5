package interpreter

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/journal"
	"github.com/q-ecosystem/runbook/interpreter/script"
	"github.com/q-ecosystem/runbook/interpreter/script/check"
)

// pinning loads files from beside the script and pins those that are not
// pinned yet: their names are computed, so that the text of the script does
// not tell them.
type pinning struct {
	pinned pinnedSources
	base   script.Loader
	ledger Ledger
	clock  Clock
}

// Load finds a file and records its text before the script sees it.
func (p *pinning) Load(module string) (script.Source, error) {
	if s, ok := p.pinned[script.FileName(module)]; ok {
		return s, nil
	}
	s, err := p.base.Load(module)
	if err != nil {
		return s, err
	}
	if err := p.pin(module, s); err != nil {
		return s, stopFor(err)
	}
	return s, nil
}

func (p *pinning) pin(module string, s script.Source) error {
	ev := effect.Event{At: p.clock.Now().UTC(), Kind: effect.SourceChanged, Body: effect.Body{Text: module}}
	return p.ledger.AddSource(context.Background(), source(s), ev)
}

// pinnedSources are the sources that a run has recorded, by name.
type pinnedSources map[string]script.Source

// Load finds a recorded file.
func (p pinnedSources) Load(module string) (script.Source, error) {
	name := script.FileName(module)
	if s, ok := p[name]; ok {
		return s, nil
	}
	return script.Source{}, fmt.Errorf("require %q: the run recorded no such file", module)
}

func (p pinnedSources) names() []string {
	return slices.Sorted(maps.Keys(p))
}

func (p pinnedSources) sources() []journal.Source {
	var list []journal.Source
	for _, name := range p.names() {
		list = append(list, source(p[name]))
	}
	return list
}

// requiredBy loads the files that a script requires by name, and those that
// they require. They are pinned before the script starts: a run that is
// killed before it comes to a require has to find the same file afterwards.
// What cannot be loaded is left out; the script meets the reason where it
// requires it.
func requiredBy(main script.Source, loader script.Loader) pinnedSources {
	required := pinnedSources{}
	if loader == nil {
		return required
	}
	for _, module := range check.Requires(main, loader) {
		if s, err := loader.Load(module); err == nil && s.Name != main.Name {
			required[s.Name] = s
		}
	}
	return required
}

func source(s script.Source) journal.Source {
	return journal.Source{Name: s.Name, Text: s.Text}
}
