package importer

import (
	"strings"

	"github.com/yuin/goldmark/ast"
	extast "github.com/yuin/goldmark/extension/ast"
)

// table keeps a table as a comment, and its thresholds for gates: each column of
// bounds on the metrics that the first one names is a gate of its own. It is
// understood if each of its rows states one, and nothing else that is compared.
func (im *importer) table(n *extast.Table) {
	raw := im.raw(n)
	im.add(false, comment(raw)...)
	var columns []string
	understood := true
	for row := n.FirstChild(); row != nil; row = row.NextSibling() {
		if row.Kind() != extast.KindTableRow {
			continue
		}
		some := false
		for i, text := range im.bounds(row) {
			if i == len(columns) {
				columns = append(columns, "")
			}
			columns[i] += text + "; "
			slo, unknown := thresholdsOf(text)
			some, understood = some || len(slo) > 0, understood && len(unknown) == 0
		}
		understood = understood && some
	}
	stated := false
	for _, text := range columns {
		slo, _ := thresholdsOf(text)
		stated = stated || len(slo) > 0
		im.slo(slo)
	}
	if !understood || !stated {
		im.left(n, "a table", raw)
	}
}

// bounds are the texts of a row that may state a threshold: its first cell, and that
// before each of the others.
func (im *importer) bounds(row ast.Node) []string {
	first := im.plain(row.FirstChild())
	texts := []string{first}
	for cell := row.FirstChild().NextSibling(); cell != nil; cell = cell.NextSibling() {
		texts = append(texts, strings.TrimSpace(first+" "+im.plain(cell)))
	}
	if bare.MatchString(first) { // "p99 < 200ms" and who looks after it
		return texts[:1]
	}
	return texts[1:]
}
