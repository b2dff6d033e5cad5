package recordset

import (
	"context"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// Examine implements plugins.Examiner: it asks for each configured zone whether
// records may be changed there, by what changes none. That they may not is an
// error; a line says of which zone that cannot be told.
func (b *Backend) Examine(ctx context.Context) ([]string, error) {
	if b.settings == nil {
		return nil, b.errNotConfigured()
	}
	if len(b.settings.zones) == 0 {
		return []string{"whether records may be changed was not tried: the configuration names no `zones`"}, nil
	}
	var doubts []string
	for _, name := range b.settings.zones {
		z, e := b.settings.keeper.Find(ctx, name, true)
		if e != nil {
			return doubts, e
		}
		if z.Fixed != "" {
			return doubts, effect.Errorf(effect.CodeRefused, "the zone %s of %s %s: records can be read there, and set, replace and delete would be refused", name, b.settings.keeper.Title(), z.Fixed).
				WithHint("change it where it is kept, or take it out of `zones` if nothing is to be changed there")
		}
		doubt, e := b.settings.keeper.MayChange(ctx, z)
		if e != nil {
			return doubts, e
		}
		if doubt != "" {
			doubts = append(doubts, "the zone "+name+": "+doubt)
		}
	}
	return doubts, nil
}
