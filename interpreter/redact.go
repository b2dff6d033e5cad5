package interpreter

import (
	"context"
	"sort"
	"strings"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// redacting keeps the values of secrets out of everything that comes back from
// the world: results, errors, progress. It stands below the Recorder, so that
// neither journal nor script ever holds one in clear.
type redacting struct {
	secrets []effect.Secret // of the run's parameters
	next    effect.Handler
}

// Do hands the call on and scrubs what returns.
func (r redacting) Do(ctx context.Context, call effect.Call) (effect.Result, error) {
	secrets := collect(call.Args, append([]effect.Secret(nil), r.secrets...))
	if len(secrets) == 0 {
		return r.next.Do(ctx, call)
	}
	scrub := scrubber(secrets)
	if progress := call.Progress; progress != nil {
		call.Progress = func(line string) { progress(scrub.Replace(line)) }
	}
	res, err := r.next.Do(ctx, call)
	res.Value = scrubValue(scrub, res.Value)
	res.Change.From, res.Change.To = scrub.Replace(res.Change.From), scrub.Replace(res.Change.To)
	if err == nil || effect.AsStop(err) != nil {
		return res, err
	}
	e := *effect.AsError(err)
	e.Message, e.Hint = scrub.Replace(e.Message), scrub.Replace(e.Hint)
	return res, &e
}

// scrubber replaces every secret's value by its name, longest first, so that
// one secret inside another leaves no rest.
func scrubber(secrets []effect.Secret) *strings.Replacer {
	sort.SliceStable(secrets, func(i, j int) bool { return len(secrets[i].Reveal()) > len(secrets[j].Reveal()) })
	var pairs []string
	for _, s := range secrets {
		if s.Reveal() != "" {
			pairs = append(pairs, s.Reveal(), s.String())
		}
	}
	return strings.NewReplacer(pairs...)
}

func collect(v any, into []effect.Secret) []effect.Secret {
	switch v := v.(type) {
	case effect.Secret:
		into = append(into, v)
	case []any:
		for _, e := range v {
			into = collect(e, into)
		}
	case map[string]any:
		for _, e := range v {
			into = collect(e, into)
		}
	}
	return into
}

func scrubValue(scrub *strings.Replacer, v any) any {
	switch v := v.(type) {
	case string:
		return scrub.Replace(v)
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = scrubValue(scrub, v[i])
		}
		return out
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, e := range v {
			out[scrub.Replace(k)] = scrubValue(scrub, e)
		}
		return out
	}
	return v
}
