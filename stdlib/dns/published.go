package dns

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/lazyregexp"
	"github.com/q-ecosystem/runbook/stdlib/internal/model"
	"github.com/q-ecosystem/runbook/stdlib/internal/plain"
)

// generates matches what makes a key, and does not use it yet.
var generates = lazyregexp.New(`(?i)gen(erate|key)?\b|genkey|keygen|\bcreate\b|\bdraft\b`)

// signedFirst finds keys by which mail is signed before their record is there (RFC 6376,
// 3.6.2): whoever verifies finds none, and throws the mail away.
func signedFirst(v *effect.View, e effect.Occurrence) string {
	selector, _, found := strings.Cut(plain.Str(e.Args, "name"), "._domainkey.")
	if e.Module != "dns" || !e.Wrote() || !found || len(e.Changes) == 0 {
		return ""
	}
	for _, c := range e.Changes {
		if c.From != nil {
			return "" // it was there
		}
	}
	uses := regexp.MustCompile(`(?i)selector[^A-Za-z0-9]{1,4}` + regexp.QuoteMeta(selector) + `\b`)
	for _, p := range v.Past() {
		if said := told(p); p.Wrote() && p.Module != "dns" && uses.MatchString(said) && !generates.MatchString(said) {
			return fmt.Sprintf("%s signs with the key %s, and only then does %s publish it: whoever verifies finds no key, and takes the mail for forged; publish it first, and wait until resolvers see it (dns.wait)", p, selector, e)
		}
	}
	return ""
}

// challenge matches names at which somebody else looks for the answer to a challenge.
var challenge = lazyregexp.New(`(?i)^_[\w-]*(challenge|validation|verif)[\w-]*\.`)

// awhile is how long a run waits that waits for the servers of a zone.
const awhile = 10 * time.Second

// answeredEarly finds requests that have somebody else look up a record which the run has
// only just set, when not all servers of the zone may have it yet (RFC 8555, 8.4): the
// look fails, and that there is none is kept for a while.
func answeredEarly(v *effect.View, e effect.Occurrence) string {
	if e.Module != "http" || !e.Wrote() || e.Args["method"] != "POST" {
		return ""
	}
	for _, p := range slices.Backward(v.Past()) {
		switch {
		case e.At.Sub(p.At) >= awhile:
			return ""
		case p.Place == e.Place || p.Place.InRollback():
		case p.Module == "dns" && p.Wrote() && p.Name != "delete" && challenge.MatchString(plain.Str(p.Args, "name")) && len(p.Changes) > 0:
			return fmt.Sprintf("%s has %s looked up as soon as %s has set it: not all servers of the zone have it yet, and a look that fails counts; wait until all see it (dns.wait) first", e, plain.Str(p.Args, "name"), p)
		case p.Class == effect.Read && p.Module != "http", p.Wrote() && !p.Tells:
			return "" // it has looked, or told somebody already
		}
	}
	return ""
}

// told returns all that a command or a request says.
func told(e effect.Occurrence) string {
	if e.Module == "http" {
		return plain.Str(e.Args, "url") + " " + plain.Str(e.Args, "body") + " " + plain.Text(e.Args["json"])
	}
	return model.Command(e.Args)
}
