package deploy

import (
	"fmt"
	"slices"
	"strings"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/lazyregexp"
	"github.com/q-ecosystem/runbook/stdlib/internal/model"
	"github.com/q-ecosystem/runbook/stdlib/internal/plain"
)

var (
	// clears matches the verb of a command that takes something away, and not an
	// option of another one (--rm).
	clears = lazyregexp.New(`(?i)(^|[\s;&|/])(rm|rmdir|rmi|delete|del|prune|purge|remove|unlink)\b`)
	// passing matches places of which nobody misses anything.
	passing = lazyregexp.New(`(?i)(^|[/._-])(te?mp|caches?|build|dist|locks?|logs?|downloads?|artifacts?|incoming|archives?|backups?|\.git)([/._-]|$)`)
)

// inUse finds what takes away the version that serves, as tidying up does that goes by
// age or by name: the newest ones are not the one in use where somebody went back. A
// place that takes no traffic, as one is that is given up, may lose it.
func inUse(v *effect.View, e effect.Occurrence) string {
	if !e.Wrote() {
		return ""
	}
	var words []string
	switch {
	case e.Module == "http" && e.Args["method"] == "DELETE":
		words = []string{plain.Str(e.Args, "url")}
	case (e.Module == "exec" || e.Module == "hosts") && clears.MatchString(model.Command(e.Args)):
		words = strings.Fields(model.Command(e.Args))
	default:
		return ""
	}
	serving := versions(v.State("deploy"), "serving")
	for _, at := range plain.SortedNames(serving) {
		version := serving[at]
		if version == "" || !slices.ContainsFunc(words, func(word string) bool { return namesVersion(word, version) }) || givenUp(v, at) {
			continue
		}
		return fmt.Sprintf("%s takes %s away, and that is what serves in the %s: ask deploy.status what serves, and leave that and the one before out", e, version, at)
	}
	return ""
}

// namesVersion reports whether a word is a place, an address or an image of a version.
func namesVersion(word, version string) bool {
	word = strings.TrimRight(strings.Trim(word, `'"();`), "/")
	at := strings.LastIndexAny(word, "/:@")
	return at >= 0 && word[at+1:] == version && !passing.MatchString(word[:at])
}

// givenUp reports whether an environment is a server of a pool and takes no traffic.
func givenUp(v *effect.View, at string) bool {
	state := v.State("traffic")
	all := []map[string]any{plain.Table(state, "weights")}
	for _, pool := range plain.SortedNames(plain.Table(state, "pools")) {
		all = append(all, plain.Table(plain.Table(plain.Table(state, "pools"), pool), "weights"))
	}
	known, takes := false, false
	for _, name := range strings.Fields(at) {
		for _, weights := range all {
			_, is := weights[name]
			known, takes = known || is, takes || plain.Num(weights, name) > 0
		}
	}
	return known && !takes
}
