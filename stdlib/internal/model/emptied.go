package model

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/lazyregexp"
	"github.com/q-ecosystem/runbook/stdlib/internal/plain"
)

// waiting matches calls that take away what holds things somebody waits for.
var waiting = lazyregexp.New(`(?i)\b(aws\s.*\b(delete-(queue|topic|stream|subscription|delivery-stream)|purge-queue)|nats\s+(stream|consumer|kv)\s+(rm|delete|purge)|(pulsar-admin|kafka-consumer-groups\S*)\s.*\bdelete|kafka-topics\S*\s.*--delete|rabbitmqctl\s+delete_queue|rabbitmqadmin\s+(purge|delete)\s+queue)\b` +
	`|^DELETE\s+\S*/(queues?|topics?|streams?|subscriptions?|mailboxes|mailbox|backlogs?|jobqueues?)/[^/?\s]+`)

// Emptied returns the invariant that what holds things somebody waits for, a queue, a
// topic, is empty when a call of a module takes it away. line is what a call says.
func Emptied(module string, line func(args map[string]any) string) effect.Invariant {
	return effect.Invariant{Name: "what is taken away is empty", After: func(v *effect.View, e effect.Occurrence) string {
		if e.Module != module || !e.Wrote() {
			return ""
		}
		said := line(e.Args)
		found := waiting.FindString(said)
		if found == "" || passing.MatchString(said) {
			return ""
		}
		name, past := objectOf(said), v.Past()
		var look *effect.Occurrence
		for _, p := range past {
			if p.Place == e.Place {
				continue
			}
			if p.Err == nil && (agreedToLose(p, name) || p.Wrote() && (pairs{module, line}).opposite(p, e)) {
				return "" // it has made it itself, or people have agreed to lose what is in it
			}
			if p.Class == effect.Read && p.Err == nil && mentionsObject(p, name) {
				look = &p
			}
		}
		if look == nil {
			return fmt.Sprintf("%s takes %s away, and nobody has looked whether it is empty: what waits in it is lost; stop what fills it, wait until it holds nothing, and then take it away", e, name)
		}
		if told, _ := partOf(look.Value, name); holds(told) {
			return fmt.Sprintf("%s takes %s away, and %s has told that it is not empty: what waits in it is lost; wait until it holds nothing, and fail if that does not come", e, name, look)
		}
		return ""
	}}
}

// contents matches what a question says of what waits in something.
var contents = lazyregexp.New(`(?i)\b(empty|lag\w*|messages?|entries|events?|jobs?|items?|lost|los(e|es|ing)|loss|discard\w*|remain\w*|left|backlogs?|drained|consum\w*|unread|waiting|waits|depth|purge\w*)\b`)

// agreedToLose reports whether people said yes to a question that says something of what
// is in it: that it may go is not that what waits in it may.
func agreedToLose(e effect.Occurrence, name string) bool {
	return agreed(e) && contents.MatchString(strings.NewReplacer(name, "", "_", " ").Replace(plain.Text(e.Args)))
}

// named matches the option by which a line says what it is about.
var named = lazyregexp.New(`\s--topic[ =](\S+)`)

// objectOf returns the name of what a line is about: that of its option, or its last
// word that is no option.
func objectOf(line string) string {
	if m := named.FindStringSubmatch(line); m != nil {
		return m[1]
	}
	name := ""
	for _, word := range strings.Fields(line) {
		if !strings.HasPrefix(word, "-") {
			name = word
		}
	}
	name, _, _ = strings.Cut(name, "?")
	name = strings.TrimRight(name, `/'"`)
	return name[strings.LastIndexAny(name, `/=:'"`)+1:]
}

// mentionsObject reports whether what a read asks for, or is told, has a name in it.
func mentionsObject(e effect.Occurrence, name string) bool {
	word := regexp.MustCompile(`(^|[^\w-])` + regexp.QuoteMeta(name) + `($|[^\w-])`)
	return word.MatchString(fmt.Sprint(e.Args)) || word.MatchString(fmt.Sprint(e.Value))
}

// partOf returns what an answer tells of one thing among several: what stands under
// its name, or the members of which one is the name.
func partOf(value any, name string) (part any, found bool) {
	var members []any
	switch v := value.(type) {
	case map[string]any:
		for key, member := range v {
			if key == name {
				return member, true
			}
			if member == name {
				return v, true
			}
			members = append(members, member)
		}
	case []any:
		members = v
	}
	for _, member := range members {
		if part, found := partOf(member, name); found {
			return part, true
		}
	}
	return value, false // it does not tell them apart
}

// amounts matches members of an answer that say how much there is of something.
var amounts = lazyregexp.New(`(?i)^(messages\w*|depth|size|length|len|count|backlog|lag|pending|ready|unacked|total|items|approximatenumberofmessages\w*|n|num_\w+)$`)

// holds reports whether an answer says that there is something: a number above zero
// where one says how much, or as all of the text.
func holds(value any) bool {
	switch v := value.(type) {
	case map[string]any:
		for name, member := range v {
			if n, ok := number(member); ok && n > 0 && (amounts.MatchString(name) || name == "stdout") || holds(member) {
				return true
			}
		}
	case []any:
		return slices.ContainsFunc(v, holds)
	}
	return false
}

func number(v any) (float64, bool) {
	switch v := v.(type) {
	case float64:
		return v, true
	case string: // a number that is all of it, or ends it: "orders 42"
		words := strings.Fields(v)
		if len(words) == 0 || len(words) > 2 {
			return 0, false
		}
		n, err := strconv.ParseFloat(words[len(words)-1], 64)
		return n, err == nil
	}
	return 0, false
}
