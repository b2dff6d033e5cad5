package admin

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// manPages returns the manual pages of the commands, in section 1, by file name, in
// the macros of man(7). They carry no date, so that the same program writes the
// same pages. cobra's own generator would bring two parsers of Markdown and YAML
// into a program that is copied to hosts in emergencies.
func manPages(root *cobra.Command) map[string]string {
	pages := map[string]string{}
	var visit func(c *cobra.Command)
	visit = func(c *cobra.Command) {
		if c.Hidden || c.Deprecated != "" {
			return
		}
		pages[manName(c)+".1"] = manPage(c)
		for _, sub := range c.Commands() {
			visit(sub)
		}
	}
	visit(root)
	return pages
}

func manName(c *cobra.Command) string { return strings.ReplaceAll(c.CommandPath(), " ", "-") }

func manPage(c *cobra.Command) string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	section := func(name string) { line(".SH %s", name) }
	line(`.TH %s 1 "" runbook "runbook manual"`, strings.ToUpper(manName(c)))
	line(".nh\n.ad l")
	section("NAME")
	line("%s \\- %s", manName(c), roff(c.Short))
	section("SYNOPSIS")
	line(".B %s", roff(c.UseLine()))
	if c.HasAvailableSubCommands() {
		line(".br\n.B %s\n.I COMMAND", roff(c.CommandPath()))
	}
	long := c.Long
	if long == "" {
		long = c.Short + "."
	}
	section("DESCRIPTION")
	b.WriteString(roffText(long))
	for _, group := range []struct {
		name  string
		flags *pflag.FlagSet
	}{{"OPTIONS", c.NonInheritedFlags()}, {"GLOBAL OPTIONS", c.InheritedFlags()}} {
		if !group.flags.HasAvailableFlags() {
			continue
		}
		section(`"` + group.name + `"`)
		group.flags.VisitAll(func(f *pflag.Flag) {
			if !f.Hidden && f.Deprecated == "" {
				b.WriteString(roffFlag(f))
			}
		})
	}
	if c.Example != "" {
		section("EXAMPLES")
		line(".EX\n%s.EE", roffLines(c.Example))
	}
	var others []string
	if c.HasParent() {
		others = append(others, manName(c.Parent()))
	}
	for _, sub := range c.Commands() {
		if sub.IsAvailableCommand() {
			others = append(others, manName(sub))
		}
	}
	for i, name := range others {
		if i == 0 {
			section(`"SEE ALSO"`)
		}
		comma := ","
		if i == len(others)-1 {
			comma = ""
		}
		line(".BR %s (1)%s", roff(name), comma)
	}
	return b.String()
}

// roffFlag is the entry of a flag: how it is written, and what it does.
func roffFlag(f *pflag.Flag) string {
	value, usage := pflag.UnquoteUsage(f)
	written := `\fB` + roff("--"+f.Name) + `\fR`
	if f.Shorthand != "" {
		written = `\fB` + roff("-"+f.Shorthand) + `\fR, ` + written
	}
	if value != "" {
		written += ` \fI` + roff(value) + `\fR`
	}
	switch f.DefValue {
	case "", "0", "0s", "false", "[]":
	default:
		usage += " (default " + f.DefValue + ")"
	}
	return ".TP\n" + written + "\n" + roffLines(usage)
}

// roffText writes paragraphs; lines that are set in stand as they are.
func roffText(text string) string {
	var b strings.Builder
	asIs := false
	set := func(want bool) {
		if want != asIs {
			b.WriteString(map[bool]string{true: ".EX\n", false: ".EE\n"}[want])
			asIs = want
		}
	}
	for _, l := range strings.Split(strings.TrimSpace(text), "\n") {
		switch {
		case l == "" && !asIs:
			b.WriteString(".PP\n")
		case l == "":
			b.WriteString("\n")
		default:
			set(strings.HasPrefix(l, " "))
			b.WriteString(roffLines(l))
		}
	}
	set(false)
	return b.String()
}

// roffLines writes lines of text, none of which is taken for a macro.
func roffLines(text string) string {
	var b strings.Builder
	for _, l := range strings.Split(strings.TrimRight(text, "\n"), "\n") {
		if l = roff(l); strings.HasPrefix(l, ".") || strings.HasPrefix(l, "'") {
			l = `\&` + l
		}
		b.WriteString(l + "\n")
	}
	return b.String()
}

// roff writes text within a line.
func roff(text string) string {
	return strings.NewReplacer(`\`, `\e`, "-", `\-`).Replace(text)
}
