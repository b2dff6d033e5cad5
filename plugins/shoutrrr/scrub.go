package shoutrrr

import (
	"encoding/base64"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// scrubber takes out of a text what it shares with a channel's URL.
type scrubber struct {
	parts []string // longest first
}

// anyURL finds URLs of any kind; also those that a library makes of a token.
var anyURL = regexp.MustCompile(`[A-Za-z][A-Za-z0-9+.-]*://[^\s"'<>]*`)

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
	s := &scrubber{}
	service, _, _ := strings.Cut(u.Scheme, "+")
	add := func(text string) {
		pieces := append(strings.FieldsFunc(text, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '_' }), text)
		for _, piece := range pieces {
			if len(piece) >= leastPart {
				s.parts = append(s.parts, piece, url.QueryEscape(piece), url.PathEscape(piece),
					base64.StdEncoding.EncodeToString([]byte(piece)))
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
	slices.SortFunc(s.parts, func(a, b string) int { return len(b) - len(a) })
	s.parts = slices.Compact(s.parts)
	return s
}

// clean returns the text without any URL and any part of the channel's URL,
// on one line and at most 300 bytes long.
func (s *scrubber) clean(text string) string {
	text = anyURL.ReplaceAllString(text, "[url]")
	for _, part := range s.parts {
		text = replaceFold(text, part)
	}
	text = strings.Join(strings.Fields(text), " ")
	if len(text) > 300 {
		text = strings.ToValidUTF8(text[:300], "") + "…"
	}
	return text
}

// replaceFold replaces part by […], whatever its case: libraries write hosts
// and tokens in lower case.
func replaceFold(text, part string) string {
	lower, low := strings.ToLower(text), strings.ToLower(part)
	if len(lower) != len(text) { // lower case of another length: places do not agree
		return strings.ReplaceAll(text, part, "[…]")
	}
	var b strings.Builder
	for {
		i := strings.Index(lower, low)
		if i < 0 {
			b.WriteString(text)
			return b.String()
		}
		b.WriteString(text[:i] + "[…]")
		text, lower = text[i+len(low):], lower[i+len(low):]
	}
}
