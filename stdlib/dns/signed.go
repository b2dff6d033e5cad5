package dns

import (
	"fmt"
	"strings"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/lazyregexp"
	"github.com/q-ecosystem/runbook/stdlib/internal/model"
	"github.com/q-ecosystem/runbook/stdlib/internal/plain"
)

var (
	// unsigns matches what takes the signatures out of a zone (RFC 6781, 4.4).
	unsigns = lazyregexp.New(`(?i)\bpdnsutil\s+(zone\s+)?(disable-dnssec|dnssec-disable)\b|\bdisable-hosted-zone-dnssec\b|\bdeactivate-key-signing-key\b|--dnssec-state[= ]off\b|\brndc\s+signing\s+-clear\b|\bknotc\s.*\bdnssec-signing\s+off\b`)
	// ofDS matches what is about the DS records of a zone, and goes what takes them away.
	ofDS = lazyregexp.New(`(?i)(^|[\s/_-])(ds|ds-?records?|delegation-signers?|dnskeys?|dnssec)([\s/?_-]|$)`)
	goes = lazyregexp.New(`(?i)(^|[\s_-])(delete|del|remove|rm|clear|disable|disassociate|unset)([\s_-]|$)`)
)

// forgotten is how long resolvers keep a DS at the least: zones above give them an
// hour, and most give a day.
const forgotten = time.Hour

// signedWhileTold finds zones that lose their signatures while the zone above, or what
// resolvers keep of it, says that they have them: all names of the zone are bogus then.
// One of which the run does not touch the DS has none any more, or never had.
func signedWhileTold(v *effect.View, e effect.Occurrence) string {
	if !e.Wrote() || !unsigns.MatchString(saying(e)) && !takesDS(e) {
		return "" // what came before is walked for the few that it may concern, not after each write
	}
	var unsigned, gone *effect.Occurrence
	for _, p := range v.Past() {
		switch {
		case !p.Wrote():
		case unsigns.MatchString(saying(p)):
			unsigned = &p
			if gone != nil && p.Place == e.Place && p.At.Sub(gone.At) < forgotten {
				return fmt.Sprintf("%s takes the signatures out of the zone %s after %s took away the DS above it: resolvers keep that for hours, and to them every name is forged meanwhile; wait for as long as the DS is kept, a day for most zones",
					p, effect.FormatDuration(p.At.Sub(gone.At)), gone)
			}
		case takesDS(p):
			gone = &p
			if unsigned != nil && p.Place == e.Place {
				return fmt.Sprintf("%s takes the signatures out of the zone, and only then does %s take away the DS above it: to every resolver that verifies, all names of it are forged; take the DS away first, and wait until resolvers have forgotten it", unsigned, p)
			}
		}
	}
	return ""
}

// takesDS reports whether a call takes DS records away, in the zone above.
func takesDS(e effect.Occurrence) bool {
	said := saying(e)
	if e.Module == "http" {
		return e.Args["method"] == "DELETE" && ofDS.MatchString(said)
	}
	return ofDS.MatchString(said) && goes.MatchString(said)
}

// saying returns what a command or a request says.
func saying(e effect.Occurrence) string {
	switch e.Module {
	case "exec", "hosts":
		return model.Command(e.Args)
	case "http":
		return strings.ToLower(plain.Str(e.Args, "method")) + " " + plain.Str(e.Args, "url")
	}
	return ""
}
