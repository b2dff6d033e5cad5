package shoutrrr

import (
	"net/url"
	"slices"
	"strings"
	"unicode"

	"github.com/q-ecosystem/runbook/interpreter/lazyregexp"
	"github.com/q-ecosystem/runbook/interpreter/redact"
)

// scrubber takes out of a text what it shares with a channel's URL, whatever
// its case: libraries write hosts and tokens in lower case.
type scrubber struct {
	parts *redact.Scrubber
}

// anyURL finds URLs of any kind; also those that a library makes of a token.
var anyURL = lazyregexp.New(`[A-Za-z][A-Za-z0-9+.-]*://[^\s"'<>]*`)

// hosted are the services whose URL holds the name of a host where a URL
// usually does; elsewhere it is a token.
func hosted(service string) bool {
	return slices.Contains([]string{"bark", "generic", "gotify", "lark", "matrix", "mattermost", "ntfy", "opsgenie", "rocketchat",
		"signal", "smtp", "zulip"}, service)
}

// leastPart is the length from which a part of a URL is taken out of texts;
// shorter ones give nothing away and stand in every text.
const leastPart = 4

// newScrubber returns a scrubber for everything in u but its scheme, and but
// its host where that is no secret.
func newScrubber(u *url.URL) *scrubber {
	var parts []string
	service, _, _ := strings.Cut(u.Scheme, "+")
	add := func(text string) {
		pieces := append(strings.FieldsFunc(text, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '_' }), text)
		for _, piece := range pieces {
			if len(piece) >= leastPart {
				parts = append(parts, piece)
			}
		}
	}
	if u.User != nil {
		password, _ := u.User.Password()
		add(u.User.Username())
		add(password)
		add(u.User.Username() + ":" + password)
	}
	if !hosted(service) {
		add(u.Host)
	}
	add(u.Path)
	add(u.Opaque)
	add(u.Fragment)
	for key, values := range u.Query() {
		for _, v := range values {
			add(v)
		}
		if strings.HasPrefix(key, "@") || strings.HasPrefix(key, "$") {
			add(key) // a header or a field of the message
		}
	}
	return &scrubber{redact.NewParts("[…]", parts...)}
}

// clean returns the text without any URL and any part of the channel's URL,
// on one line and at most 300 bytes long.
func (s *scrubber) clean(text string) string {
	text = anyURL.ReplaceAllString(text, "[url]")
	text = s.parts.Text(text)
	text = strings.Join(strings.Fields(text), " ")
	if len(text) > 300 {
		text = strings.ToValidUTF8(text[:300], "") + "…"
	}
	return text
}
