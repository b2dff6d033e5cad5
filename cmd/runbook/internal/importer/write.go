package importer

import (
	"fmt"
	"strings"
)

// write puts the script together.
func (im *importer) write(from string) string {
	var body strings.Builder
	im.section(&body, im.root, 0)
	var b strings.Builder
	fmt.Fprintf(&b, "-- A first script of %s, by runbook import. Before it runs:\n", from)
	fmt.Fprintf(&b, "--   state the class of each command: read, write or irreversible (runbook check names each that is left);\n")
	fmt.Fprintf(&b, "--   say with on_rollback how changes are taken back; use modules where one can do it;\n")
	fmt.Fprintf(&b, "--   look through the comments: they hold what was not understood.\n\n")
	fmt.Fprintf(&b, "runbook {\n  name       = %s,\n", quote(im.result.Name))
	if im.summary != "" {
		fmt.Fprintf(&b, "  summary    = %s,\n", quote(im.summary))
	}
	fmt.Fprintf(&b, "  on_failure = \"ask\",\n")
	if len(im.params) > 0 {
		b.WriteString("  params     = {\n")
		for _, name := range sortedKeys(im.params) {
			if value := im.params[name]; value != "" {
				fmt.Fprintf(&b, "    %s = { type = \"string\", default = %s },\n", name, quote(value))
				continue
			}
			fmt.Fprintf(&b, "    %s = { type = \"string\", required = true },\n", name)
		}
		b.WriteString("  },\n")
	}
	b.WriteString("}\n\n")
	if im.result.Commands > 0 {
		b.WriteString("local exec = require \"exec\"\n\n")
	}
	for i, list := range im.slos {
		parts := make([]string, len(list))
		for j, t := range list {
			parts[j] = t.metric + " = " + quote(t.bound)
		}
		fmt.Fprintf(&b, "local %s = { %s }\n", sloName(i), strings.Join(parts, ", "))
	}
	if len(im.slos) > 0 {
		b.WriteByte('\n')
	}
	b.WriteString(strings.TrimLeft(body.String(), "\n"))
	return b.String()
}

// acts reports whether anything is done in a section or below it.
func (n *node) acts() bool {
	for _, p := range n.parts {
		if p.acts || p.child != nil && p.child.acts() {
			return true
		}
	}
	return false
}

// section writes what stands in a section: below it, steps for those in which
// something is done, comments for the others.
func (im *importer) section(b *strings.Builder, n *node, depth int) {
	indent := strings.Repeat("  ", depth)
	for i, p := range n.parts {
		if p.child == nil {
			if i > 0 && (n.parts[i-1].child != nil || !p.acts && n.parts[i-1].acts) {
				b.WriteByte('\n')
			}
			for _, line := range p.lines {
				b.WriteString(strings.TrimRight(indent+line, " ") + "\n")
			}
			continue
		}
		b.WriteByte('\n')
		if !p.child.acts() {
			fmt.Fprintf(b, "%s-- %s\n", indent, oneLine(p.child.title))
			im.section(b, p.child, depth)
			continue
		}
		im.result.Steps++
		fmt.Fprintf(b, "%sstep(%s, function()\n", indent, quote(p.child.title))
		im.section(b, p.child, depth+1)
		fmt.Fprintf(b, "%send)\n", indent)
	}
}

// quote writes a text as Lua reads it; one of several lines in long brackets.
func quote(text string) string {
	if strings.Contains(text, "\n") && !strings.Contains(text, "\r") {
		level := ""
		for strings.Contains(text+"]", "]"+level+"]") {
			level += "="
		}
		return "[" + level + "[\n" + text + "]" + level + "]"
	}
	var b strings.Builder
	b.WriteByte('"')
	for i := range len(text) {
		switch c := text[i]; {
		case c == '"' || c == '\\':
			b.WriteByte('\\')
			b.WriteByte(c)
		case c < ' ' || c == 0x7f:
			fmt.Fprintf(&b, "\\%03d", c)
		default:
			b.WriteByte(c)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// comment writes a text as lines of comment.
func comment(text string) []string {
	var lines []string
	for _, line := range strings.Split(text, "\n") {
		for _, part := range wrap(strings.TrimRight(oneLine(line), " "), 110) {
			lines = append(lines, strings.TrimRight("-- "+part, " "))
		}
	}
	return lines
}

func oneLine(text string) string { return strings.Map(printable, text) }

func printable(r rune) rune {
	if r < ' ' || r == 0x7f {
		return ' '
	}
	return r
}

// wrap breaks a line at blanks.
func wrap(line string, width int) []string {
	var lines []string
	for len([]rune(line)) > width {
		at := strings.LastIndex(string([]rune(line)[:width]), " ")
		if at <= len(line)-len(strings.TrimLeft(line, " ")) {
			break
		}
		lines, line = append(lines, line[:at]), line[at+1:]
	}
	return append(lines, line)
}
