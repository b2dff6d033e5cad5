package http

import (
	"fmt"
	"slices"
	"strings"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/stdlib/internal/plain"
)

// othersDeleted finds runs that look at some things, one by one, and delete as many
// others that stand beside them: another id was put into the address.
func othersDeleted(v *effect.View, end effect.Ending) string {
	if end.Status != effect.StatusSucceeded {
		return ""
	}
	looked, deleted := map[string][]string{}, map[string][]string{} // ids, by what they stand under
	last := map[string]effect.Occurrence{}
	for _, e := range v.Past() {
		if e.Module != "http" || e.Err != nil || e.Place.InRollback() {
			continue
		}
		under, id := addressOf(e)
		if id == "" {
			continue
		}
		switch e.Args["method"] {
		case "GET", "HEAD":
			if len(deleted[under]) == 0 && !slices.Contains(looked[under], id) {
				looked[under] = append(looked[under], id)
			}
		case "DELETE":
			if !slices.Contains(deleted[under], id) {
				deleted[under] = append(deleted[under], id)
			}
			last[under] = e
		}
	}
	for _, under := range plain.SortedNames(last) {
		was, gone := looked[under], deleted[under]
		if len(was) == 0 || len(was) != len(gone) || slices.ContainsFunc(gone, func(id string) bool { return slices.Contains(was, id) }) {
			continue
		}
		return fmt.Sprintf("%s deletes %s of %s, and what was looked at there before is %s: put the same id into both addresses",
			last[under], few(gone), under, few(was))
	}
	return ""
}

// few names the first of some things.
func few(names []string) string {
	const most = 3
	if len(names) > most {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
	}
	return strings.Join(names, ", ")
}

// addressOf returns the id that an address ends in, and what it stands under; no id
// where its last part does not read as one.
func addressOf(e effect.Occurrence) (under, id string) {
	url, _, _ := strings.Cut(plain.Str(e.Args, "url"), "?")
	url = strings.TrimRight(url, "/")
	at := strings.LastIndex(url, "/")
	if at < 0 || !strings.ContainsAny(url[at:], "0123456789") || strings.HasSuffix(url[:at], "/") {
		return "", ""
	}
	return url[:at], url[at+1:]
}
