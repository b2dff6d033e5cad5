package redact

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"html"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// Least is the length in bytes from which a secret, or a line of one, is
// looked for in texts.
const Least = 6

// pieces returns what of a secret's value stands for the secret: the value
// without the line break at its end, and its lines.
func pieces(value string) (whole string, lines []string) {
	whole = strings.TrimRight(value, "\r\n")
	if !strings.ContainsAny(whole, "\r\n") {
		return whole, nil
	}
	for _, line := range strings.FieldsFunc(whole, func(r rune) bool { return r == '\n' || r == '\r' }) {
		if line = strings.TrimSpace(line); len(line) >= Least {
			lines = append(lines, line)
		}
	}
	return whole, lines
}

// written returns the forms in which a text is written within others, itself
// first.
func written(text string) []string {
	forms := []string{text}
	add := func(form string) {
		if !slices.Contains(forms, form) {
			forms = append(forms, form)
		}
	}
	for _, form := range inJSON(text) {
		add(form)
		for _, again := range inJSON(form) { // JSON that is a text in JSON
			add(again)
		}
	}
	for _, quote := range []string{"", "'", `"`} {
		add(inQuotes(text, quote))
	}
	add(html.EscapeString(text))
	for _, quotes := range [][]string{nil, {`"`, "&quot;"}, {`"`, "&quot;", "'", "&#x27;"}, {`"`, "&quot;", "'", "&apos;"}} {
		add(strings.NewReplacer(append(quotes, "&", "&amp;", "<", "&lt;", ">", "&gt;")...).Replace(text))
	}
	add(unquoted(strconv.Quote(text)))
	add(unquoted(strconv.QuoteToASCII(text)))
	add(strings.ReplaceAll(text, "'", `'\''`)) // a word of the shell
	for _, form := range []string{url.QueryEscape(text), url.PathEscape(text), (&url.URL{Path: text}).EscapedPath(),
		url.UserPassword("", text).String()[1:], percent(text, "-._~"), percent(text, "-._~!'()*"), percent(text, "-._~/"), percent(text, "")} {
		add(form)
		add(lowerPercent(form))
	}
	return forms
}

// inJSON returns the ways in which a text stands between the quotes of JSON.
func inJSON(text string) []string {
	var forms []string
	var plain bytes.Buffer
	enc := json.NewEncoder(&plain)
	enc.SetEscapeHTML(false)
	if enc.Encode(text) == nil {
		forms = append(forms, unquoted(strings.TrimSuffix(plain.String(), "\n")))
	}
	if escaped, err := json.Marshal(text); err == nil {
		forms = append(forms, unquoted(string(escaped)), strings.ReplaceAll(unquoted(string(escaped)), "/", `\/`))
	}
	return forms
}

// inQuotes writes a text as Python and JavaScript show it between quotes of that
// kind; without one, between those that the text does not hold.
func inQuotes(text, quote string) string {
	escapes := []string{`\`, `\\`, "\n", `\n`, "\r", `\r`, "\t", `\t`}
	if quote != "" {
		escapes = append(escapes, quote, `\`+quote)
	}
	return strings.NewReplacer(escapes...).Replace(text)
}

func unquoted(s string) string { return strings.TrimSuffix(strings.TrimPrefix(s, `"`), `"`) }

// percent writes every byte as %XX but letters, digits and those in keep.
func percent(text, keep string) string {
	const digits = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(text) {
		c := text[i]
		if 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte(keep, c) >= 0 {
			b.WriteByte(c)
			continue
		}
		b.WriteByte('%')
		b.WriteByte(digits[c>>4])
		b.WriteByte(digits[c&15])
	}
	return b.String()
}

// lowerPercent writes the digits of %XX in lower case.
func lowerPercent(text string) string {
	out := []byte(text)
	for i := 0; i+2 < len(out); i++ {
		if out[i] == '%' {
			copy(out[i+1:i+3], bytes.ToLower(out[i+1:i+3]))
			i += 2
		}
	}
	return string(out)
}

// inBase64 returns what of the encoding of any text that holds this one does
// not depend on the rest of that text, for each of the three alignments, both
// where it ends the other text and where it does not.
func inBase64(text string) []string {
	var cores []string
	for shift := range 3 {
		data := append(make([]byte, shift), text...)
		encoded := base64.RawStdEncoding.EncodeToString(data)[(shift*8+5)/6:]
		cores = append(cores, encoded, encoded[:len(data)*8/6-(shift*8+5)/6])
	}
	return cores
}

func inHex(text string) string { return hex.EncodeToString([]byte(text)) }
