package importer

import (
	"fmt"
	"strings"

	"github.com/yuin/goldmark/ast"
	extast "github.com/yuin/goldmark/extension/ast"
)

// list takes a list in, item by item: checkboxes that follow each other are a
// checklist, and so are numbered items that are text alone, since whoever does by
// hand what they say has to say so; items that hold more than text are steps.
func (im *importer) list(l *ast.List) {
	var boxes []string
	var texts []ast.Node
	flush := func() {
		if len(boxes) > 0 {
			im.checklist(boxes)
		}
		im.texts(l, texts)
		boxes, texts = nil, nil
	}
	for item := l.FirstChild(); item != nil; item = item.NextSibling() {
		box := im.checkbox(item)
		switch {
		case box && item.FirstChild().NextSibling() == nil:
			if len(texts) > 0 {
				flush()
			}
			boxes = append(boxes, drawn(im.plain(item.FirstChild()))...)
		case !box && im.prose(item):
			if len(boxes) > 0 {
				flush()
			}
			texts = append(texts, item)
		default: // with commands, or a list of its own, or understood
			flush()
			im.item(item)
		}
	}
	flush()
}

// texts takes items of a list in that follow each other and are text alone.
func (im *importer) texts(l *ast.List, items []ast.Node) {
	switch {
	case len(items) == 0:
	case l.IsOrdered() && l.ChildCount() > 1 && !contents(items):
		steps := make([]string, len(items))
		for i, item := range items {
			steps[i] = im.said(item)
		}
		im.checklist(steps)
	case len(items) == 1:
		im.item(items[0])
	default:
		for _, item := range items {
			im.add(false, comment(im.raw(item))...)
		}
		im.left(items[0], fmt.Sprintf("a list of %d", len(items)), im.said(items[0]))
	}
}

// prose reports whether an item is text alone of which nothing is understood.
func (im *importer) prose(item ast.Node) bool {
	for n := item.FirstChild(); n != nil; n = n.NextSibling() {
		if k := n.Kind(); k != ast.KindParagraph && k != ast.KindTextBlock {
			return false
		}
	}
	text := im.said(item)
	slo, _ := thresholdsOf(text)
	return text != "" && waitOf(text) == "" && len(slo) == 0
}

// said is what an item says, in all its paragraphs.
func (im *importer) said(item ast.Node) string {
	var parts []string
	for n := item.FirstChild(); n != nil; n = n.NextSibling() {
		parts = append(parts, im.plain(n))
	}
	return strings.Join(parts, " ")
}

// contents reports whether items are links alone: a table of contents.
func contents(items []ast.Node) bool {
	for _, item := range items {
		for n := item.FirstChild().FirstChild(); n != nil; n = n.NextSibling() {
			if n.Kind() != ast.KindLink {
				return false
			}
		}
	}
	return true
}

// item takes an item of a list in that is no checkbox.
func (im *importer) item(item ast.Node) {
	first := item.FirstChild()
	if first == nil {
		return
	}
	if first.NextSibling() == nil {
		if im.plain(first) != "" {
			im.paragraph(first)
		} else {
			im.block(first)
		}
		return
	}
	im.enter(strings.TrimRight(im.plain(first), ":"), im.here().level+1)
	depth := len(im.under)
	if wait := waitOf(im.plain(first)); wait != "" {
		im.sleep(wait)
	}
	for n := first.NextSibling(); n != nil; n = n.NextSibling() {
		im.block(n)
	}
	im.under = im.under[:depth-1]
}

// checkbox reports whether an item begins with one.
func (im *importer) checkbox(item ast.Node) bool {
	first := item.FirstChild()
	if first == nil || first.FirstChild() == nil {
		return false
	}
	_, ok := first.FirstChild().(*extast.TaskCheckBox)
	return ok || startsDrawn(im.plain(first))
}

// ballots are checkboxes that are drawn, as other editors than those of Markdown
// leave them.
const ballots = "☐☑☒"

func startsDrawn(text string) bool {
	return strings.IndexAny(text, ballots) == 0
}

// drawn are the items of a text that begins with a drawn checkbox, each from its own to
// the next; of another it is the text.
func drawn(text string) []string {
	if !startsDrawn(text) {
		return []string{text}
	}
	var items []string
	for _, part := range strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(ballots, r) }) {
		if part = strings.TrimSpace(strings.TrimPrefix(part, "\uFE0F")); part != "" { // which asks for the form of an emoji
			items = append(items, part)
		}
	}
	return items
}

func (im *importer) checklist(items []string) {
	title := im.title
	var path []string
	for _, n := range im.under[1:] {
		path = append(path, n.title)
	}
	if len(path) > 0 {
		title = strings.Join(path, ": ")
	}
	if title == "" {
		title = "Checklist"
	}
	lines := []string{"checklist { title = " + quote(title) + ", items = {"}
	seen := map[string]int{}
	for _, item := range items {
		if seen[item]++; seen[item] > 1 {
			item = fmt.Sprintf("%s (%d)", item, seen[item])
		}
		lines = append(lines, "  "+quote(item)+",")
	}
	im.add(true, append(lines, "} }")...)
	if slo, _ := thresholdsOf(strings.Join(items, "; ")); len(slo) > 0 {
		im.slo(slo)
	}
	im.result.Checklists++
	im.result.Items += len(items)
}
