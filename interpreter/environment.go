package interpreter

import (
	"context"
	"slices"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/journal"
)

// EnvironmentSource is the name under which a run pins the environment that it
// was started in. No file that a script requires has it.
const EnvironmentSource = "environment.json"

// PinnedEnvironment returns the environment that a run has pinned, or nil.
func PinnedEnvironment(sources []journal.Source) []byte {
	for _, s := range sources {
		if s.Name == EnvironmentSource {
			return s.Text
		}
	}
	return nil
}

func pinnedEnvironment(text []byte) []journal.Source {
	if text == nil {
		return nil
	}
	return []journal.Source{{Name: EnvironmentSource, Text: text}}
}

// withEnvironment returns sources with another environment among them, if one
// is given.
func withEnvironment(sources []journal.Source, text []byte) []journal.Source {
	if text == nil {
		return sources
	}
	others := slices.DeleteFunc(slices.Clone(sources), func(s journal.Source) bool { return s.Name == EnvironmentSource })
	return append(others, pinnedEnvironment(text)...)
}

// replaceEnvironment records that the run goes on in another environment, and
// who wants it so.
func (k *walk) replaceEnvironment(ctx context.Context, text []byte, by string) error {
	ev := effect.Event{At: k.Stack.Clock.Now().UTC(), Kind: effect.SourceChanged, Body: effect.Body{Text: EnvironmentSource, By: by}}
	return k.ledger.AddSource(ctx, pinnedEnvironment(text)[0], ev)
}

// people are those of an environment that a run has pinned, or pins.
func (e *Engine) people(environment []byte) (effect.People, error) {
	if e.opts.People == nil || environment == nil {
		return nil, nil
	}
	return e.opts.People(environment)
}
