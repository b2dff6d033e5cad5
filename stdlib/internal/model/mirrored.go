package model

import (
	"fmt"
	"slices"
	"strings"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/lazyregexp"
	"github.com/q-ecosystem/runbook/stdlib/internal/plain"
)

var (
	// mirrors matches what makes a place like another one, and removes what is not there.
	mirrors = lazyregexp.New(`(?i)\brsync\s.*\s--del(ete)?(-\w+)*(\s|$)|\brclone\s+sync\b|\baws\s+s3\s+sync\b.*\s--delete(\s|$)|\bgsutil\s.*\brsync\b.*\s-\w*d|\blftp\b.*\bmirror\b.*\s--delete|\bmirror\b.*\s-\w*R\w*.*\s--delete`)
	// bounded matches what keeps it from removing much, or all of nothing.
	bounded = lazyregexp.New(`(?i)--max-delete|--dry-run|(^|\s)-\w*n\w*(\s|$)`)
	// mounted matches places that are empty where what belongs there is not mounted.
	mounted = lazyregexp.New(`^["']?/(mnt|media|net|nfs|export|exports|Volumes|remote|gluster|ceph)/[^\s:]*$`)
)

// MirroredWhole returns the invariant that a place is not made like one that may be empty
// because it is not mounted: all that it holds would be removed.
func MirroredWhole(module string) effect.Invariant {
	return effect.Invariant{Name: "what is mirrored is looked at before the rest is removed", Doc: "of rsync --delete and the like from a place that is mounted; mountpoint, findmnt, ls, --max-delete, … will do", After: func(v *effect.View, e effect.Occurrence) string {
		line := Command(e.Args)
		if e.Module != module || !e.Wrote() || !mirrors.MatchString(line) || bounded.MatchString(line) {
			return ""
		}
		from := source(line)
		if from == "" {
			return ""
		}
		for _, p := range v.Past() {
			if p.Err == nil && p.Place != e.Place && (p.Module == effect.ControlModule && effect.Asks(p.Module+"."+p.Name) || aboutMount(plain.Text(p.Args), from)) {
				return ""
			}
		}
		if head, _, _ := strings.Cut(line, mirrors.FindString(line)); aboutMount(head, from) {
			return ""
		}
		return fmt.Sprintf("%s removes all that is not in %s, and nobody looked whether anything is there: where that is not mounted, everything goes; ask mountpoint or findmnt first, look for a file that has to be there, or give --max-delete", e, from)
	}}
}

// source returns the place that a command mirrors, if it is one that is mounted: the
// first of its places.
func source(line string) string {
	at := mirrors.FindStringIndex(line)
	for _, word := range strings.Fields(line[at[0]:]) {
		if strings.Contains(word, "/") && !strings.HasPrefix(word, "-") {
			if mounted.MatchString(word) {
				return strings.TrimRight(strings.Trim(word, `"'`), "/.")
			}
			return ""
		}
	}
	return ""
}

// aboutMount reports whether a text names a place, one in it, or one that it is in.
func aboutMount(text, place string) bool {
	parts := strings.Split(place, "/")
	return slices.ContainsFunc([]int{len(parts), max(3, len(parts)-1), 3}, func(n int) bool {
		return strings.Contains(text, strings.Join(parts[:min(n, len(parts))], "/"))
	})
}
