package simulate

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"unicode"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/lazyregexp"
)

// Faults by which a read is answered otherwise. Nothing else happens: what the run
// does then tells whether it looks at the answer.
const (
	EndedBadly Kind = "ended-badly"    // what was waited for tells that it failed
	StillGoing Kind = "still-going"    // what was waited for goes on telling what it told before
	WellAfter  Kind = "well-after-all" // what told that it is not well tells that it is
)

// Twists returns the kinds of faults that can make sense at a read by giving it
// another answer. Whether they do depends on the answer.
func Twists(call effect.Call, catalog *effect.Catalog) []Kind {
	if call.Class != effect.Read || call.Op.Module == effect.ControlModule {
		return nil
	}
	list := []Kind{EndedBadly, StillGoing, WellAfter}
	m, _ := catalog.Module(call.Op.Module)
	for _, f := range m.Faults {
		if f.Answers && slices.Contains(f.Ops, call.Op.Name) {
			list = append(list, Kind(f.Name))
		}
	}
	return list
}

// strikes returns all kinds that a schedule may have at an effect.
func strikes(call effect.Call, catalog *effect.Catalog) []Kind {
	return append(Faults(call, catalog), Twists(call, catalog)...)
}

// twists returns, by place, the faults that give a read of a run another answer than
// the one that it got.
func (e *Explorer) twists(t *Trial) map[effect.Place][]Kind {
	if t.Ending.Status != effect.StatusSucceeded {
		return nil // nothing is learned of a run by what it goes on to do
	}
	w := &World{setup: e.Setup, models: e.Setup.Models}
	calls := map[effect.Place]effect.Call{}
	for _, call := range t.effects {
		calls[call.Place] = call
	}
	list := map[effect.Place][]Kind{}
	earlier, waits := map[string][]any{}, map[string]lastRead{}
	outlasted := func() { // a change follows: no wait goes on
		for _, at := range waits {
			if at.ends {
				list[at.place] = append(list[at.place], StillGoing)
			}
		}
		clear(waits)
	}
	last := 0 // of those by which something is changed or told
	for i, entry := range t.Entries {
		if entry.Class.Writes() && !effect.Asks(entry.Op) {
			last = i
		}
	}
	for _, entry := range t.Entries[:last] {
		call, met := calls[entry.Place]
		if entry.Class.Writes() && !effect.Asks(entry.Op) {
			outlasted()
		}
		if !met || call.Class != effect.Read || entry.Err != nil || entry.Fault != "" {
			continue
		}
		key := fmt.Sprint(entry.Op, entry.Args, entry.Where)
		for _, kind := range Twists(call, e.Setup.Catalog) {
			if kind != StillGoing && w.twisted(kind, call, entry.Value, earlier[key]) != nil {
				list[entry.Place] = append(list[entry.Place], kind)
			}
		}
		earlier[key] = append(earlier[key], entry.Value)
		if _, inside := entry.Place.Composite(); !inside { // the loops of modules fail where their time is up
			before, again := waits[key]
			waits[key] = lastRead{entry.Place, entry.Value, again && !reflect.DeepEqual(before.value, entry.Value)}
		}
	}
	outlasted()
	return list
}

// told returns what a read is told, which a fault may make another. A fault that
// can make none of it does not strike; w.mu is held.
func (w *World) told(call effect.Call, value any) any {
	if answer, held := w.heldBack(call); held {
		return answer
	}
	kind := w.faults[call.Place]
	if kind == "" || w.setup.Catalog == nil || !slices.Contains(Twists(call, w.setup.Catalog), kind) {
		return value
	}
	if other := w.twisted(kind, call, value, w.toldBefore(call, len(w.entries))); other != nil {
		if kind == StillGoing {
			w.holdBack(call, other)
		}
		return other
	}
	delete(w.faults, call.Place)
	w.unfit[call.Place] = call
	return value
}

// toldBefore returns what the line of a read was told among the first n entries;
// w.mu is held.
func (w *World) toldBefore(call effect.Call, n int) []any {
	var earlier []any
	for _, e := range w.entries[:n] {
		if e.Err == nil && e.Op == call.Op.String() && e.Where == call.Where && reflect.DeepEqual(e.Args, call.Args) {
			earlier = append(earlier, e.Value)
		}
	}
	return earlier
}

// twistable reports whether a fault could give a read of the run another answer;
// w.mu is held.
func (w *World) twistable(kind Kind, call effect.Call) bool {
	at := slices.IndexFunc(w.entries, func(e Entry) bool { return e.Place == call.Place })
	return at >= 0 && w.entries[at].Err == nil && slices.Contains(Twists(call, w.setup.Catalog), kind) &&
		w.twisted(kind, call, w.entries[at].Value, w.toldBefore(call, at)) != nil
}

// twisted returns what a read is answered by a fault in the place of value; nil if
// that cannot be. earlier are the answers that the same line got before.
func (w *World) twisted(kind Kind, call effect.Call, value any, earlier []any) any {
	switch kind {
	case EndedBadly:
		if len(earlier) == 0 {
			return nil
		}
		return other(value, earlier[len(earlier)-1], func(_ string, is, was any) any { return w.failing(is, was) })
	case StillGoing:
		if len(earlier) == 0 || reflect.DeepEqual(earlier[len(earlier)-1], value) {
			return nil
		}
		return earlier[len(earlier)-1]
	case WellAfter:
		return other(value, nil, func(name string, is, _ any) any { return improved(name, is) })
	}
	if t, ok := w.models[call.Op.Module].(effect.Twister); ok {
		return t.Twist(string(kind), call.Op.Name, call.Args, value)
	}
	return nil
}

// other returns a copy of a value in which turn has put something else in the place
// of what stands there; nil where it has not. was is what the same looked like before.
func other(value, was any, turn func(name string, is, was any) any) any {
	copied, turned := turnAll("", value, was, turn)
	if !turned {
		return nil
	}
	return copied
}

func turnAll(name string, value, was any, turn func(name string, is, was any) any) (any, bool) {
	switch v := value.(type) {
	case map[string]any:
		old, _ := was.(map[string]any)
		copied, turned := maps.Clone(v), false
		for key, member := range v {
			if other, ok := turnAll(key, member, old[key], turn); ok {
				copied[key], turned = other, true
			}
		}
		return copied, turned
	case []any:
		old, _ := was.([]any)
		copied, turned := slices.Clone(v), false
		for i, member := range v {
			var before any
			if i < len(old) {
				before = old[i]
			}
			if other, ok := turnAll(name, member, before, turn); ok {
				copied[i], turned = other, true
			}
		}
		return copied, turned
	}
	other := turn(name, value, was)
	return other, other != nil
}

var (
	// wordsOf matches the words of a text, and what stands between them.
	wordsOf = lazyregexp.New(`[A-Za-z]+(?:[_-][A-Za-z]+)*|[^A-Za-z]+`)
	// underWay matches words that say that something goes on.
	underWay = lazyregexp.New(`(?i)^([a-z_-]+ing|in[_-]?progress|queued|scheduled|accepted|submitted|started|active|partial|incomplete)$`)
	// ended matches words that say that something did not come to a good end.
	ended = lazyregexp.New(`(?i)^(fail\w*|err\w*|abort\w*|cancel\w*|stopped|dead|unknown|none|inactive|timed?_?out)$`)
	// verdict matches members of an answer that say whether all is well.
	verdict = lazyregexp.New(`(?i)^(ok|valid|success|successful|succeeded|healthy|passed|verified|matches|matching|consistent|intact|restorable)$`)
)

// badWords are such as scripts look for in what did not end well.
var badWords = []string{"failed", "failure", "error", "errored", "aborted", "canceled", "cancelled", "timed_out", "stopped", "unknown"}

// failing returns a text in which the word that said that something goes on, and
// now says that it is done, says that it failed; nil if there is none.
func (w *World) failing(is, was any) any {
	text, _ := is.(string)
	before, _ := was.(string)
	words, old := wordsOf.FindAllString(text, -1), wordsOf.FindAllString(before, -1)
	if len(words) == 0 || text == before || len(words) > len(old)+1 || len(old) > len(words)+1 {
		return nil
	}
	for i, word := range words {
		if i < len(old) && underWay.MatchString(old[i]) && !underWay.MatchString(word) && !ended.MatchString(word) && unicode.IsLetter(rune(word[0])) {
			words[i] = likeWord(w.setup.BadWord, word)
			return strings.Join(words, "")
		}
	}
	return nil
}

// likeWord writes a word as another one is written; the standard one if it is empty.
func likeWord(word, like string) string {
	switch {
	case word != "":
		return word
	case like == strings.ToUpper(like):
		return strings.ToUpper(badWords[0])
	case like[:1] == strings.ToUpper(like[:1]):
		return strings.ToUpper(badWords[0][:1]) + badWords[0][1:]
	}
	return badWords[0]
}

// BadWord returns the word for what did not end well that a script compares with,
// as it is written there; empty if it has none.
func BadWord(script string) string {
	for _, word := range badWords {
		for _, written := range []string{word, strings.ToUpper(word), strings.ToUpper(word[:1]) + word[1:]} {
			for _, quote := range []string{`"`, `'`} {
				if strings.Contains(script, quote+written+quote) {
					return written
				}
			}
		}
	}
	return ""
}

// improved returns true for a verdict that is false; nil for everything else.
func improved(name string, is any) any {
	if is == false && verdict.MatchString(name) {
		return true
	}
	return nil
}

// endsLookedAt finds runs for which it is the same whether what they wait for ends
// well or not.
func endsLookedAt(v *effect.View, end effect.Ending) string {
	for _, e := range v.Past() {
		if Kind(e.Fault) != EndedBadly || e.Err != nil {
			continue
		}
		first, looked, same := v.Unmoved(e, end)
		if !same || looked {
			continue
		}
		is, was := v.Otherwise(e)
		return fmt.Sprintf("%s was told %q instead of %q, and the run goes on as if all was well, with %s: the wait ends on every word but the one it waits through; "+
			"wait for the one that is good, and fail on the rest", e, is, was, first)
	}
	return ""
}

// verdictsLookedAt finds runs for which it is the same whether a verdict is good or
// not, in a world in which it is not.
func verdictsLookedAt(v *effect.View, end effect.Ending) string {
	for _, e := range v.Past() {
		if Kind(e.Fault) != WellAfter || e.Err != nil {
			continue
		}
		first, looked, same := v.Unmoved(e, end)
		if !same || looked {
			continue
		}
		return fmt.Sprintf("%s says that something is not well, and the run does what it does if all is, with %s: nothing depends on the answer; look at it, and fail where it is not good", e, first)
	}
	return ""
}
