package effect

import (
	"fmt"
	"slices"
	"strings"
)

// LockOfAnother returns the invariant that no part of a module (a pool, a
// database) is changed under a lock that is named after another part. arg
// is the argument that names the part, and table what holds all parts in the
// module's state. Other names of locks are free.
func LockOfAnother(module, arg, table string) Invariant {
	doc := fmt.Sprintf("a lock that is named after one of %s (%s/NAME) is of the one that is changed", table, module)
	return Invariant{Name: sharedUnderLock, Doc: doc, After: func(v *View, e Occurrence) string {
		part, _ := e.Args[arg].(string)
		parts, _ := v.Begin(module)[table].(map[string]any)
		if e.Module != module || !e.Wrote() || part == "" || parts[part] == nil {
			return ""
		}
		return lockOf(v.Locks, module, e, part, func(lock string) bool { return lock == part || parts[lock] == nil })
	}}
}

// LockOfAnotherName is LockOfAnother for parts whose names end in that of what holds
// them: a lock "example.org" is one of "www.example.org".
func LockOfAnotherName(module, arg string) Invariant {
	doc := fmt.Sprintf("a lock that is named after a domain (%s/example.org) is of one that the changed name ends in", module)
	return Invariant{Name: sharedUnderLock, Doc: doc, After: func(v *View, e Occurrence) string {
		part, _ := e.Args[arg].(string)
		if e.Module != module || !e.Wrote() || part == "" {
			return ""
		}
		return lockOf(v.Locks, module, e, part, func(lock string) bool {
			return !strings.Contains(lock, ".") || strings.HasSuffix("."+canonicalName(part), "."+canonicalName(lock))
		})
	}}
}

func canonicalName(s string) string { return strings.ToLower(strings.TrimSuffix(s, ".")) }

// lockOf tells that all locks of a module are such as do not cover a part.
func lockOf(locks []string, module string, e Occurrence, part string, covers func(lock string) bool) string {
	var named []string
	for _, lock := range locks {
		if name, of := strings.CutPrefix(lock, module+"/"); of {
			named = append(named, name)
		} else if lock == module {
			return ""
		}
	}
	if len(named) == 0 || slices.ContainsFunc(named, covers) {
		return ""
	}
	return fmt.Sprintf("%s changes %s, and the lock is that of another (%s): a run that takes the right one could change the same meanwhile; add locks = { %q } to the header",
		e, part, strings.Join(named, ", "), module+"/"+part)
}
