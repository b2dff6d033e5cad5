package importer

import (
	"bytes"
	"regexp"
	"strings"
)

var (
	frontMatter = regexp.MustCompile(`\A(?:\xef\xbb\xbf)?(---|\+\+\+)[ \t]*\r?\n(?s:.*?)\n(---|\+\+\+)[ \t]*(?:\r?\n|\z)`)
	titled      = regexp.MustCompile(`(?m)^title\s*[:=]\s*(.+?)\s*$`)
)

// withoutFrontMatter blanks out what a site's generator reads at the beginning of
// a page, so that lines keep their numbers, and returns the title that stands
// there, if one does.
func withoutFrontMatter(source []byte) (rest []byte, title string) {
	at := frontMatter.FindIndex(source)
	if at == nil {
		return source, ""
	}
	head := source[:at[1]]
	if m := titled.FindSubmatch(head); m != nil {
		title = strings.Trim(string(m[1]), `"'`)
	}
	return append(bytes.Repeat([]byte("\n"), bytes.Count(head, []byte("\n"))), source[at[1]:]...), title
}
