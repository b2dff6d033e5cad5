package importer

import (
	"bytes"
	"fmt"
	"path/filepath"
	"slices"
	"sort"
	"strings"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	extast "github.com/yuin/goldmark/extension/ast"
	"github.com/yuin/goldmark/text"

	"github.com/q-ecosystem/runbook/interpreter/lazyregexp"
)

// Result is a script, and what became of the text.
type Result struct {
	Name       string
	Script     string
	Steps      int
	Checklists int
	Items      int // of the checklists
	Commands   int // each with its class left open
	Sleeps     int
	Thresholds int
	Left       []Left
}

// Left is a part of the text that was not understood.
type Left struct {
	Line int    `json:"line"` // of the Markdown, from 1
	What string `json:"what"` // what it is: a list, a table, code in yaml
	Text string `json:"text"` // how it begins
}

// node is a section of the text, or an item of a numbered list that holds more
// than text.
type node struct {
	title string
	level int
	parts []part
}

// part is what stands in a section: lines of the script, in order, and sections
// below it.
type part struct {
	lines []string
	acts  bool // the lines do something
	child *node
}

// Import makes a script of a text; path is its file's name.
func Import(path string, source []byte) *Result {
	im := &importer{result: &Result{}, params: map[string]string{}, names: map[string]string{}, filled: map[string]bool{}, root: &node{}}
	im.under = []*node{im.root}
	im.frontMatter(source)
	doc := goldmark.New(goldmark.WithExtensions(extension.GFM)).Parser().Parse(text.NewReader(im.source))
	for n := doc.FirstChild(); n != nil; n = n.NextSibling() {
		im.block(n)
	}
	im.result.Name = nameOf(path, im.title)
	im.result.Script = im.write(filepath.Base(path))
	return im.result
}

// importer goes through one text.
type importer struct {
	source  []byte
	result  *Result
	params  map[string]string // parameters by name, with what is known of their values; "" for none
	names   map[string]string // of the parameters, by the variables that they take the place of
	title   string
	headed  bool // a heading has given the title
	summary string
	root    *node
	under   []*node // the sections that the text is in, outermost first

	slos     [][]threshold   // stated so far, each once
	exported []string        // variables, to the commands of the block
	filled   map[string]bool // variables that a command has filled, in a shell that is gone

	lastLeft *node // the section of what was left last
	together int   // paragraphs that it stands for
}

func (im *importer) here() *node { return im.under[len(im.under)-1] }

func (im *importer) add(acts bool, lines ...string) {
	n := im.here()
	n.parts = append(n.parts, part{lines: lines, acts: acts})
}

// enter begins a section below the one that the text is in.
func (im *importer) enter(title string, level int) {
	n := &node{title: title, level: level}
	im.here().parts = append(im.here().parts, part{child: n})
	im.under = append(im.under, n)
}

// block takes the next block of the text in.
func (im *importer) block(n ast.Node) {
	switch n := n.(type) {
	case *ast.Heading:
		im.heading(n)
	case *ast.FencedCodeBlock:
		im.code(n, languageOf(string(n.Language(im.source))))
	case *ast.List:
		im.list(n)
	case *ast.Paragraph, *ast.TextBlock:
		im.paragraph(n)
	case *ast.ThematicBreak, *ast.LinkReferenceDefinition: // no reader sees these
	case *ast.CodeBlock:
		im.code(n, "")
	case *extast.Table:
		im.table(n)
	case *ast.Blockquote:
		im.leave(n, "a quotation")
	case *ast.HTMLBlock:
		if raw := im.raw(n); !strings.HasPrefix(raw, "<!--") || !strings.HasSuffix(raw, "-->") { // no reader sees these
			im.leave(n, "HTML")
		}
	default:
		im.leave(n, strings.ToLower(n.Kind().String()))
	}
}

func (im *importer) heading(n *ast.Heading) {
	title := im.plain(n)
	if n.Level == 1 && !im.headed {
		im.headed, im.title = true, im.words(n, false)
		if title != im.title {
			im.add(false, comment(title)...)
		}
		return
	}
	for len(im.under) > 1 && im.here().level >= n.Level {
		im.under = im.under[:len(im.under)-1]
	}
	im.enter(title, n.Level)
	if wait := waitOf(title); wait != "" {
		im.sleep(wait)
	}
}

// paragraph takes prose in: a wait is a sleep, thresholds are a table, the rest is
// a comment.
func (im *importer) paragraph(n ast.Node) {
	said := im.plain(n)
	if said == "" {
		return
	}
	if im.title != "" && im.summary == "" && len(im.under) <= 2 {
		im.summary = sentence(im.words(n, false))
	}
	if items := drawn(said); startsDrawn(said) && len(items) > 0 {
		im.checklist(items)
		return
	}
	understood := false
	im.add(false, comment(said)...)
	if wait := waitOf(said); wait != "" {
		im.sleep(wait)
		understood = true
	}
	if slo, rest := thresholdsOf(said); len(slo) > 0 {
		im.slo(slo)
		understood = len(rest) == 0
	}
	if !understood {
		im.left(n, prose, said)
	}
}

func (im *importer) sleep(duration string) {
	im.add(true, "sleep "+quote(duration))
	im.result.Sleeps++
}

// slo notes thresholds for gates; where they are to hold the text does not say.
// They stand above all steps, where each of them sees them, under names of their
// own; what is stated again is the same.
func (im *importer) slo(gates [][]threshold) {
	for _, list := range gates {
		at := slices.IndexFunc(im.slos, func(known []threshold) bool { return slices.Equal(known, list) })
		if at < 0 {
			at = len(im.slos)
			im.slos = append(im.slos, list)
			im.result.Thresholds += len(list)
		}
		im.add(false, "-- gate on it with: health.watch { env = \"…\", during = \"15m\", slo = "+sloName(at)+" }")
	}
}

func sloName(i int) string {
	if i == 0 {
		return "_slo"
	}
	return fmt.Sprintf("_slo%d", i+1)
}

// leave keeps a block that was not understood as a comment.
func (im *importer) leave(n ast.Node, what string) {
	raw := im.raw(n)
	im.add(false, comment(raw)...)
	im.left(n, what, raw)
}

func (im *importer) left(n ast.Node, what, begins string) { im.leftAt(im.lineOf(n), what, begins) }

func (im *importer) leftAt(at int, what, begins string) {
	line, _, _ := strings.Cut(strings.TrimSpace(begins), "\n")
	if runes := []rune(line); len(runes) > 70 {
		line = string(runes[:70]) + "…"
	}
	left := Left{at, what, line}
	if list := im.result.Left; what == prose && len(list) > 0 && im.lastLeft == im.here() && strings.HasPrefix(list[len(list)-1].What, prose) {
		im.together++ // one line of the report for what stands together
		list[len(list)-1].What = fmt.Sprintf("%s, %d paragraphs", prose, im.together)
		return
	}
	im.result.Left, im.lastLeft, im.together = append(im.result.Left, left), im.here(), 1
}

// prose is what a paragraph is called of which nothing was understood.
const prose = "prose"

// plain is the text of a block in one line, without its marks, each link with
// where it leads to.
func (im *importer) plain(n ast.Node) string { return im.words(n, true) }

func (im *importer) words(n ast.Node, links bool) string {
	var b strings.Builder
	leads := func(text string, destination []byte) {
		if d := string(destination); links && d != "" && d[0] != '#' && d != text {
			b.WriteString(" (" + d + ")")
		}
	}
	_ = ast.Walk(n, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			switch n := n.(type) {
			case *ast.Link:
				var text []string
				for c := n.FirstChild(); c != nil; c = c.NextSibling() {
					text = append(text, im.words(c, false))
				}
				leads(strings.Join(text, ""), n.Destination)
			case *ast.Image:
				leads("", n.Destination)
			}
			return ast.WalkContinue, nil
		}
		switch n := n.(type) {
		case *ast.Text:
			b.Write(n.Segment.Value(im.source))
			if n.SoftLineBreak() || n.HardLineBreak() {
				b.WriteByte(' ')
			}
		case *ast.String:
			b.Write(n.Value)
		case *ast.AutoLink:
			b.Write(n.URL(im.source))
		case *ast.RawHTML:
			b.WriteString(tag(string(n.Segments.Value(im.source))))
		case *ast.List:
			return ast.WalkSkipChildren, nil
		}
		return ast.WalkContinue, nil
	})
	return strings.Join(strings.Fields(b.String()), " ")
}

// styles are the tags that say how a text looks, and nothing else.
var styles = lazyregexp.New(`(?i)^(?:<!--(?s:.*)-->|</?(?:a|b|br|code|em|i|kbd|small|span|strong|sub|sup|u)\s*/?>)$`)

// tag is what is left in a text of what looks like HTML: <pod> is for people.
func tag(raw string) string {
	switch {
	case !styles.MatchString(raw):
		return raw
	case strings.HasPrefix(strings.ToLower(raw), "<br"):
		return " "
	}
	return ""
}

// raw is a block as it stands in the file.
func (im *importer) raw(n ast.Node) string {
	if k := n.Kind(); k == ast.KindFencedCodeBlock || k == ast.KindCodeBlock { // without the blanks of the list that it stands in
		return strings.TrimRight(string(n.Lines().Value(im.source)), "\n")
	}
	from, to := -1, -1
	_ = ast.Walk(n, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering || n.Type() != ast.TypeBlock {
			return ast.WalkContinue, nil
		}
		for i := range n.Lines().Len() {
			s := n.Lines().At(i)
			if from < 0 || s.Start < from {
				from = s.Start
			}
			to = max(to, s.Stop)
		}
		if html, ok := n.(*ast.HTMLBlock); ok && html.HasClosure() {
			to = max(to, html.ClosureLine.Stop)
		}
		return ast.WalkContinue, nil
	})
	if from < 0 {
		return ""
	}
	from = bytes.LastIndexByte(im.source[:from], '\n') + 1 // with the marks before and behind the text
	if end := bytes.IndexByte(im.source[to:], '\n'); end >= 0 && (to == 0 || im.source[to-1] != '\n') {
		to += end
	}
	return strings.TrimRight(string(im.source[from:to]), "\n")
}

// lineOf is the line on which a block begins, from 1.
func (im *importer) lineOf(n ast.Node) int {
	at := -1
	_ = ast.Walk(n, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if entering && n.Type() == ast.TypeBlock && n.Lines().Len() > 0 {
			at = n.Lines().At(0).Start
			return ast.WalkStop, nil
		}
		return ast.WalkContinue, nil
	})
	if at < 0 {
		return 0
	}
	return strings.Count(string(im.source[:at]), "\n") + 1
}

var (
	notName = lazyregexp.New(`[^a-z0-9]+`)
	camel   = lazyregexp.New(`([a-z0-9])([A-Z])`)
)

// nameOf is what the runbook is called: after its title, or its file.
func nameOf(path, title string) string {
	if !strings.Contains(title, " ") { // KubeNodeNotReady
		title = camel.ReplaceAllString(title, "$1 $2")
	}
	if title == "" {
		title = strings.TrimSuffix(filepath.Base(path), filepath.Ext(path))
	}
	name := strings.Trim(notName.ReplaceAllString(strings.ToLower(title), "-"), "-")
	if rest := strings.TrimSuffix(strings.TrimPrefix(name, "runbook-"), "-runbook"); len(rest) > 3 { // "Runbook: a node is down", not "The runbook"
		name = rest
	}
	if name == "" {
		return "imported"
	}
	return name
}

// sentence is the first sentence of a text.
func sentence(text string) string {
	if i := strings.Index(text, ". "); i > 0 {
		text = text[:i]
	}
	if runes := []rune(strings.TrimSuffix(text, ".")); len(runes) > 160 {
		return string(runes[:159]) + "…"
	}
	return strings.TrimSuffix(text, ".")
}

// sortedKeys are the names of parameters, in order.
func sortedKeys(m map[string]string) []string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}
