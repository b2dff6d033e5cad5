package mariadb

import (
	"cmp"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// promote makes a node the primary: it hears of no more, applies all that came,
// forgets whom it followed, and takes writes last. Whoever finds it half way goes
// on from there.
func (j *job) promote() (map[string]any, *effect.Error) {
	n, e := j.named(j.Text("node"))
	if e != nil {
		return nil, e
	}
	seen := j.look()
	s := seen[n.name]
	switch {
	case s.err != nil:
		return nil, s.err
	case s.primary():
		return map[string]any{"primary": n.name}, nil
	case s.follows && s.stopped != "" && !s.drained:
		return nil, effect.Errorf(effect.CodeConflict, "%s has received what it does not apply: %s; nothing changed", n.name, s.stopped).
			WithHint("see SHOW SLAVE STATUS there; START SLAVE SQL_THREAD lets it apply the rest, but only while its IO thread runs: otherwise MariaDB fetches by GTID anew, and throws away what has come")
	}
	at := j.at(n)
	at.name = ""
	c, e := at.connect()
	if e != nil {
		return nil, e
	}
	defer c.close()
	told := false
	doubt := func(what string, err error) *effect.Error {
		if !told && number(err) != 0 {
			return at.failed(c, what, err)
		}
		return effect.Errorf(effect.CodeUnknown, "%s was told to become the primary, and %s: %s", at.title(), what, at.why(err)).WithHint("a resume asks it, and goes on from there")
	}
	tell := func(statement string) *effect.Error {
		if _, err := c.ExecContext(j.Ctx, statement); err != nil {
			return doubt(statement, err)
		}
		told = true
		return nil
	}
	if s.follows {
		if e := tell("STOP SLAVE IO_THREAD"); e != nil {
			return nil, e
		}
		for s = j.status(n); s.err == nil && s.follows && !s.drained; s = j.status(n) {
			if s.stopped != "" || j.Ctx.Err() != nil {
				return nil, effect.Errorf(effect.CodeUnknown, "%s hears of no more, and has not applied all that it received: %s", at.title(), cmp.Or(s.stopped, "the time was up")).
					WithHint("see SHOW SLAVE STATUS there: START SLAVE lets it follow again, promote once more goes on")
			}
			j.Progress.Say("%s applies what it has received", n.name)
			j.Pause()
		}
		if s.err != nil {
			return nil, effect.Errorf(effect.CodeUnknown, "%s was told to become the primary, and does not answer since: %s", at.title(), s.err.Message).WithHint("a resume asks it, and goes on from there")
		}
		for _, statement := range []string{"STOP SLAVE", "RESET SLAVE ALL"} {
			if e := tell(statement); e != nil {
				return nil, e
			}
		}
	}
	if e := tell("SET GLOBAL read_only = 0"); e != nil {
		return nil, e
	}
	after := j.status(n)
	switch {
	case after.err != nil:
		return nil, effect.Errorf(effect.CodeUnknown, "%s was told to become the primary, and does not answer since: %s", at.title(), after.err.Message).WithHint("a resume asks it")
	case !after.primary():
		return nil, effect.Errorf(effect.CodeConflict, "%s was made the primary, and is none: somebody else has changed it at the same time", n.name).WithHint("find out who; then promote it again")
	}
	value := map[string]any{"primary": n.name}
	if lost, known := j.lost(s, seen); known {
		value["lost"] = float64(lost)
	}
	return value, nil
}

func (j *job) seePromotion() (effect.Observed, map[string]any, *effect.Error) {
	n, e := j.named(j.Text("node"))
	if e != nil {
		return "", nil, e
	}
	s := j.status(n)
	switch {
	case s.err != nil:
		return "", nil, s.err
	case s.primary():
		return effect.Applied, map[string]any{"primary": n.name}, nil
	}
	return effect.NotApplied, nil, nil
}

// lost returns how much the old primary wrote that a node, as it was once it had
// applied all that came, never applied. An old primary that still answers says it;
// of one that does not, its log does if that is here; otherwise nobody knows.
func (j *job) lost(s *status, before map[string]*status) (bytes uint64, known bool) {
	if !s.follows {
		return 0, false
	}
	var silent []*node // one of them may be whom it followed
	for name, other := range before {
		if name == s.node.name || other.follows {
			continue
		}
		if other.err == nil {
			other = j.status(other.node)
		}
		switch {
		case other.err != nil:
			silent = append(silent, other.node)
		case other.id == s.source:
			return between(s.applied, other.logs)
		}
	}
	if len(silent) == 1 {
		return between(s.applied, silent[0].onDisk(s.applied))
	}
	return 0, false
}
