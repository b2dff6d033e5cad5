package importer

import (
	"bytes"
	"strings"

	"github.com/q-ecosystem/runbook/interpreter/lazyregexp"
)

var (
	frontMatter = lazyregexp.New(`\A(?:\xef\xbb\xbf)?(---|\+\+\+)[ \t]*\r?\n(?s:.*?)\n(---|\+\+\+)[ \t]*(?:\r?\n|\z)`)
	titled      = lazyregexp.New(`(?m)^title\s*[:=]\s*(.+?)\s*$`)
)

// frontMatter takes in what a site's generator reads at the beginning of a page: the
// title, and as a comment what else stands there. It is blanked out, so that lines
// keep their numbers.
func (im *importer) frontMatter(source []byte) {
	im.source = source
	at := frontMatter.FindIndex(source)
	if at == nil {
		return
	}
	head := string(source[:at[1]])
	im.source = append(bytes.Repeat([]byte("\n"), strings.Count(head, "\n")), source[at[1]:]...)
	var others []string
	lines := strings.Split(strings.TrimSpace(head), "\n")
	for _, line := range lines[1 : len(lines)-1] {
		if m := titled.FindStringSubmatch(line); m != nil {
			im.title = strings.Trim(m[1], `"'`)
		} else if strings.TrimSpace(line) != "" {
			others = append(others, line)
		}
	}
	if len(others) > 0 {
		text := strings.Join(others, "\n")
		im.add(false, comment(text)...)
		im.leftAt(2, "front matter", text)
	}
}
