package deploy

import (
	"fmt"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/stdlib/internal/model"
	"github.com/q-ecosystem/runbook/stdlib/internal/plain"
)

// purgedEarly finds runs that have a cache forget what it holds before they bring a
// version into service, and not after it.
func purgedEarly(v *effect.View, end effect.Ending) string {
	if end.Status != effect.StatusSucceeded {
		return ""
	}
	var purged, serves *effect.Occurrence
	for _, e := range v.Past() {
		switch {
		case !e.Wrote():
		case purges(e) && serves == nil:
			purged = &e
		case purges(e):
			return ""
		case e.Module == "deploy" && (e.Name == "activate" || e.Name == "release") && servesOther(e):
			if purged == nil {
				return ""
			}
			serves = &e
		}
	}
	if purged == nil || serves == nil {
		return ""
	}
	return fmt.Sprintf("%s has the cache forget what it holds, and only then does %s bring the version into service: meanwhile it fills again with what was there, which visitors get until that expires; purge after it, once it is seen to be well",
		purged, serves)
}

// servesOther reports whether another version serves by an effect.
func servesOther(e effect.Occurrence) bool {
	for _, c := range e.Changes {
		if last := c.Path[len(c.Path)-1]; last == "serving" {
			return true
		}
	}
	return false
}

func purges(e effect.Occurrence) bool {
	line := ""
	switch e.Module {
	case "http":
		line = plain.Str(e.Args, "url") + " " + plain.Str(e.Args, "body") + " " + plain.Text(e.Args["json"])
	case "exec", "hosts":
		line = model.Command(e.Args)
	}
	return model.Forgets(line)
}
