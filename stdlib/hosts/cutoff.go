package hosts

import (
	"fmt"
	"slices"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/lazyregexp"
)

var (
	// cuts matches commands by which a host may lose the connection that they came by:
	// all rules of its firewall, its addresses or its routes are other ones at once.
	cuts = lazyregexp.New(`(?i)\bip6?tables-restore\b|\bnft\s+(-f|--file)\b|\bip6?tables\s+-P\s+(INPUT|OUTPUT)\s+DROP\b|\bufw\s+(--force\s+)?(enable|reset)\b|\bnetplan\s+apply\b|\bifreload\s|\bifdown\b|\bip\s+link\s+set\s.*\bdown\b|\bip\s+(-\S+\s+)*route\s+(del|delete|flush|replace)\b.*\bdefault\b|\bsystemctl\s+(restart|stop)\s+(networking|NetworkManager|systemd-networkd)\b`)
	// tests matches what only reads the new rules.
	tests = lazyregexp.New(`(?i)\s(-t|--test|-c|--check|-n|--noflush|--dry-run)(\s|$)`)
	// returns matches what puts things back by itself unless somebody stops it.
	returns = lazyregexp.New(`(?i)\bsystemd-run\b.*--on-|(^|[|;&]\s*)at\s+(-\S+\s+\S+\s+)*(now|\d)|\bsleep\s+\d|\bnetplan\s+try\b|\bip6?tables-apply\b|\bcommit[- ]confirmed\b|\bshutdown\s+-r\s+\+\d|\bcron(tab)?\b|\batd?\b`)
)

// wayBack finds changes to how hosts are reached that nothing takes back where they cut
// the runner off as well: a rollback would have to come by the same way. Who asked
// people before has somebody at the console.
func wayBack(v *effect.View, e effect.Occurrence) string {
	if e.Module != "hosts" || e.Name != "run" || !e.Wrote() || !cutting(said(e.Args)) {
		return ""
	}
	for _, p := range v.Past() {
		switch {
		case p.Module == effect.ControlModule && effect.Asks(p.Module+"."+p.Name) && p.Err == nil:
			return ""
		case p.Module == "hosts" && p.Name == "run" && p.Wrote() && returns.MatchString(said(p.Args)) && slices.Equal(common(touched(e), touched(p)), touched(e)):
			return ""
		}
	}
	return fmt.Sprintf("%s (%s) may cut off the runner as well, and then nothing takes it back, for a rollback comes by the same way: let the host put the old state back by itself before (systemd-run --on-active=10m …, netplan try), and stop that once the host is reached again",
		e, said(e.Args))
}

// cutting reports whether a command may cut a host off.
func cutting(line string) bool {
	return cuts.MatchString(line) && !tests.MatchString(line) && !returns.MatchString(line)
}
