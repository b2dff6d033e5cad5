package effect

import (
	"fmt"
	"slices"
	"time"
)

// longAsked is how long people may take to answer before what was read until
// then is old: half a shift, in which whoever asked is still there to look.
const longAsked = 4 * time.Hour

// ReadAgain returns the invariant that what decides about some ops of a module
// is read again after people were asked who may take long: the world moves on
// meanwhile. decides reports whether a read is what an effect rests on.
func ReadAgain(module string, ops []string, decides func(read, e Occurrence) bool) Invariant {
	return Invariant{Name: "what was read before people were asked is read again", After: func(v *View, e Occurrence) string {
		if e.Module != module || !slices.Contains(ops, e.Name) || !e.Wrote() {
			return ""
		}
		past := v.Past()
		asked := -1
		for i, o := range past {
			timeout, _ := o.Args["timeout"].(float64)
			switch {
			case o.Module == ControlModule && Asks(o.Module+"."+o.Name) && o.Err == nil && Seconds(timeout) > longAsked:
				asked = i
			case asked >= 0 && o.Place != e.Place && o.Module != ControlModule && !o.Tells && (o.Class == Read && o.Err == nil || o.Wrote()):
				return "" // it has looked, or done something of which this is a part
			}
		}
		for _, o := range past[:max(asked, 0)] {
			if o.Class == Read && o.Err == nil && decides(o, e) {
				timeout, _ := past[asked].Args["timeout"].(float64)
				return fmt.Sprintf("%s rests on %s, which was read before people were asked at %s, and they may take %s: read it again after they have answered, or give them less time",
					e, o, past[asked].Where, FormatDuration(Seconds(timeout)))
			}
		}
		return ""
	}}
}
