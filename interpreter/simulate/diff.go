package simulate

import (
	"fmt"
	"sort"
	"strconv"
	"strings"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// diff tells what changed in a module's state, leaf by leaf, in the order of
// the names.
func diff(module string, before, after map[string]any) []effect.Change {
	a, b := map[string]string{}, map[string]string{}
	flatten("", before, a)
	flatten("", after, b)
	var paths []string
	for p := range a {
		paths = append(paths, p)
	}
	for p := range b {
		if _, both := a[p]; !both {
			paths = append(paths, p)
		}
	}
	sort.Strings(paths)
	var changes []effect.Change
	for _, p := range paths {
		if a[p] != b[p] && !repeated(module, p) {
			changes = append(changes, effect.Change{Target: module + "." + p, From: a[p], To: b[p]})
		}
	}
	return changes
}

func flatten(path string, v any, into map[string]string) {
	join := func(key string) string {
		if path == "" {
			return key
		}
		return path + "." + key
	}
	switch v := v.(type) {
	case map[string]any:
		for k, e := range v {
			flatten(join(k), e, into)
		}
	case []any:
		for i, e := range v {
			flatten(join(strconv.Itoa(i+1)), e, into)
		}
	case nil:
	case float64:
		into[path] = strconv.FormatFloat(v, 'g', 10, 64)
	default:
		into[path] = fmt.Sprint(v)
	}
}

// repeated reports whether a leaf of a state says again what another one says,
// or how a model came by what it holds.
func repeated(module, path string) bool {
	if path == "assumed" || strings.HasSuffix(path, ".assumed") {
		return true
	}
	if module == "notify" && strings.HasPrefix(path, "sent.") { // the message stands beside it already
		return true
	}
	return module == "traffic" && strings.Contains(path, "servers.") && strings.HasSuffix(path, ".weight") // as in weights
}
