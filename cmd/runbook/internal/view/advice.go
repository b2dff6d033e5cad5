package view

import "strings"

// Advice says what to do now, a line each.
type Advice []Tip

// Tip is a sentence, a command to copy, or a sentence that leads to one: the
// command goes to the line's end then.
type Tip struct{ Say, Command string }

// Tell makes advice of sentences.
func Tell(lines ...string) Advice {
	var a Advice
	for _, line := range lines {
		a = append(a, Tip{Say: line})
	}
	return a
}

// With adds a command, and the sentence that leads to it.
func (a Advice) With(say, command string) Advice { return append(a, Tip{say, command}) }

// String returns the lines as one text.
func (a Advice) String() string { return strings.Join(a.Lines(Style{}), "\n") }

// Lines returns the lines. A sentence is wrapped; a command never is: the line
// ends of a wrapped one would be copied with it.
func (a Advice) Lines(s Style) []string {
	var out []string
	for _, t := range a {
		body := strings.TrimLeft(t.Say, " ")
		indent := t.Say[:len(t.Say)-len(body)]
		line := indent + strings.TrimSpace(body+" "+t.Command)
		switch {
		case s.Width <= 0 || columns(line) <= s.Width:
			out = append(out, line)
		case t.Command == "":
			out = append(out, strings.Split(Wrap(s, t.Say), "\n")...)
		case body == "":
			out = append(out, indent+t.Command)
		default:
			out = append(out, append(strings.Split(Wrap(s, t.Say), "\n"), indent+"  "+t.Command)...)
		}
	}
	return out
}
