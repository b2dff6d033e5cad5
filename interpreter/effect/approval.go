package effect

import (
	"fmt"
	"strings"
	"unicode"
)

// ApprovalFault says why nobody could ever agree to an approve with these
// arguments, whoever has which role; "" if people can. [People.Lacks] knows the rest.
func ApprovalFault(args map[string]any) string {
	by, given := args["by"]
	if !given || by == nil {
		return ""
	}
	names, _ := by.([]any) // an empty table may come as a map
	if len(names) == 0 {
		return "by names nobody"
	}
	seen := map[string]string{}
	for _, name := range names {
		text, ok := name.(string)
		if !ok {
			return "" // the type of the field says so
		}
		if text == "" {
			return "by holds an empty name"
		}
		if fault := PersonFault(text); fault != "" {
			return fmt.Sprintf("by names %q, which %s", text, fault)
		}
		switch other, twice := seen[Person(text)]; {
		case twice && other == text:
			return fmt.Sprintf("by names %q twice", text)
		case twice:
			return fmt.Sprintf("by names %q and %q, which would be one person's word twice", other, text)
		}
		seen[Person(text)] = text
	}
	return ""
}

// ApprovalHint says how to mend what [ApprovalFault] finds.
const ApprovalHint = "name as many people as have to agree, each once; leave by out to let anyone answer"

// PersonFault says why a text is no name of a person to answer; "" if it is one.
func PersonFault(name string) string {
	switch {
	case strings.TrimSpace(name) == "":
		return "is blank"
	case strings.TrimSpace(name) != name:
		return "has blanks around it"
	case strings.ContainsFunc(name, unseen):
		return "holds something that does not show"
	}
	return ""
}

// Person is the form in which names of people are compared: without regard to
// case, to blanks, to what does not show, and to the wide forms of Latin
// letters. Who can write a name in two ways is still one person.
func Person(name string) string {
	return strings.ToLower(strings.Map(func(r rune) rune {
		switch {
		case unseen(r) || unicode.IsSpace(r):
			return -1
		case r >= '！' && r <= '～': // U+FF01 to U+FF5E stand for '!' to '~'
			return r - '！' + '!'
		}
		return r
	}, name))
}

// unseen reports whether a character does not show, or changes only how others
// do.
func unseen(r rune) bool {
	return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Co, unicode.Cs, unicode.Variation_Selector) || r == '\u115f' || r == '\u1160' || r == '\u3164' || r == '\uffa0'
}
