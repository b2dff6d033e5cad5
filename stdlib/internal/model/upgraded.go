package model

import (
	"fmt"
	"strings"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/lazyregexp"
	"github.com/q-ecosystem/runbook/stdlib/internal/plain"
)

// upgrades matches commands by which what holds data becomes a newer version of itself
// in its place, of which the makers say that it cannot become the older one again.
var upgrades = lazyregexp.New(`(?i)\bkubeadm\s+upgrade\s+apply\b|\bpg_upgrade\b|\bpg_upgradecluster\b|\bmysql_upgrade\b|\bmariadb-upgrade\b|\bgitlab-ctl\s+(upgrade|pg-upgrade)\b|\bceph\s+orch\s+upgrade\s+start\b`)

// copying matches what people and programs call what one can go back to.
var copying = lazyregexp.New(`(?i)backup|back-up|snapshot|dump\b|restor`)

// Upgraded returns the invariant that what cannot become the older version again is
// copied before it becomes the newer one.
func Upgraded(module string) effect.Invariant {
	return effect.Invariant{Name: "what cannot be downgraded is copied before it is upgraded", Doc: "a backup or a snapshot is made or looked at, or people are asked about one", After: func(v *effect.View, e effect.Occurrence) string {
		if e.Module != module || !e.Wrote() || !upgrades.MatchString(Command(e.Args)) || strings.Contains(Command(e.Args), "--dry-run") || strings.Contains(Command(e.Args), "--check") {
			return ""
		}
		for _, p := range v.Past() {
			if p.Err == nil && p.Place != e.Place && (p.Module == "db" && (p.Name == "backup" || p.Name == "backups") || copying.MatchString(plain.Text(p.Args))) {
				return ""
			}
		}
		return fmt.Sprintf("%s (%s) cannot be taken back by the older version, and no copy was made before it: make a snapshot of what it keeps, and let the rollback restore that", e, upgrades.FindString(Command(e.Args)))
	}}
}
