package stdlib

import (
	"fmt"
	"slices"
	"strings"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

func (b *database) list(m effect.Moment, _ map[string]any) (map[string]any, *effect.Error) {
	out := map[string]any{"timeline": b.timeline}
	backups := []any{}
	for i, k := range b.backups {
		ended := unix(k.at(m))
		backups = append(backups, map[string]any{"name": k.name, "type": k.kind, "began": ended, "ended": ended, "size": k.size})
		if i == 0 {
			out["earliest"] = ended
		}
		if out["latest"] = ended; b.log {
			out["latest"] = unix(m.Now)
		}
	}
	out["backups"] = backups
	return out, nil
}

func (b *database) backup(m effect.Moment, args map[string]any) (map[string]any, *effect.Error) {
	if _, _, err := b.node(nil); err != nil {
		return nil, err
	}
	i := slices.IndexFunc(b.backups, func(k dbBackup) bool { return m.Key != "" && k.key == m.Key })
	if i < 0 {
		kind := str(args, "type")
		i = len(b.backups)
		b.backups = append(slices.Clip(b.backups), dbBackup{name: fmt.Sprintf("%s-%d", kind, i+1), kind: kind, ended: m.Now, size: 1 << 30, valid: b.live.valid, key: m.Key})
	}
	k := b.backups[i]
	ended := unix(k.at(m))
	return map[string]any{"backup": k.name, "type": k.kind, "began": ended, "ended": ended, "size": k.size}, nil
}

func (b *database) restore(m effect.Moment, args map[string]any) (map[string]any, *effect.Error) {
	name := str(args, "copy")
	if old, there := b.copies[name]; there && (m.Key == "" || old.key != m.Key) {
		return nil, effect.Errorf(effect.CodeConflict, "there is a copy %q already; nothing was restored", name).WithHint("give the copy another name")
	}
	from, at, err := b.source(m, args)
	if err != nil {
		return nil, err
	}
	b.copies[name] = dbData{copy: name, backup: from.name, time: at, valid: from.valid, key: m.Key}
	return map[string]any{"copy": name, "backup": from.name, "time": at, "timeline": b.timeline + 1}, nil
}

// source returns the backup to restore, and the moment that is reached.
func (b *database) source(m effect.Moment, args map[string]any) (*dbBackup, float64, *effect.Error) {
	target, reached := m.Now, m.Now
	v, given := args["time"]
	if given {
		t, err := ParseTime(v)
		if err != nil {
			return nil, 0, effect.Errorf(effect.CodeInvalid, "time: %v", err)
		}
		if target, reached = t, t; t.After(m.Now) {
			return nil, 0, effect.Errorf(effect.CodeInvalid, "%s has not come yet", t.Format("2006-01-02T15:04:05Z07:00"))
		}
	}
	if len(b.backups) == 0 {
		return nil, 0, effect.Errorf(effect.CodeNotFound, "there is no backup at all").WithHint("make one with db.backup")
	}
	k := b.byTime(m, target)
	if name := str(args, "backup"); name != "" {
		i := slices.IndexFunc(b.backups, func(k dbBackup) bool { return k.name == name })
		if i < 0 {
			var known []string
			for _, k := range b.backups {
				known = append(known, k.name)
			}
			return nil, 0, notFound("backup", name, known)
		}
		if k = &b.backups[i]; k.at(m).After(target) {
			k = nil
		}
	}
	if k == nil {
		return nil, 0, effect.Errorf(effect.CodeNotFound, "no backup reaches back to %s", target.Format("2006-01-02T15:04:05Z07:00")).
			WithHint("db.backups tells the earliest moment that can be restored")
	}
	if !b.log {
		if given && !k.at(m).Equal(target) {
			return nil, 0, effect.Errorf(effect.CodeRefused, "only the ends of backups can be restored: there is no log").WithHint("name a backup, without a time")
		}
		reached = k.at(m)
	}
	return k, unix(reached), nil
}

// data returns what validate and query look at: a copy, or the live data.
func (b *database) data(args map[string]any) (dbData, *effect.Error) {
	name := str(args, "copy")
	if name == "" {
		_, _, err := b.node(args)
		return b.live, err
	}
	c, there := b.copies[name]
	if !there {
		return c, notFound("copy", name, sortedNames(b.copies))
	}
	return c, nil
}

func (b *database) validate(_ effect.Moment, args map[string]any) (map[string]any, *effect.Error) {
	data, err := b.data(args)
	if err != nil {
		return nil, err
	}
	if !data.valid {
		return nil, effect.Errorf(effect.CodeUnhealthy, "%s is damaged", dataLabel(args)).WithHint("restore another backup and validate that")
	}
	return map[string]any{"valid": true, "checks": float64(len(table(args, "checks"))), "detail": dataLabel(args) + " is whole in the simulated world"}, nil
}

func dataLabel(args map[string]any) string {
	if name := str(args, "copy"); name != "" {
		return "the copy " + name
	}
	return "the live data"
}

func (b *database) swap(_ effect.Moment, args map[string]any) (map[string]any, *effect.Error) {
	name, keep := str(args, "copy"), str(args, "keep")
	data, there := b.copies[name]
	if !there {
		return nil, notFound("copy", name, sortedNames(b.copies))
	}
	if keep == "" {
		keep = name + "_before"
	}
	if _, taken := b.copies[keep]; taken && keep != name {
		return nil, effect.Errorf(effect.CodeConflict, "there is a copy %q already; nothing was swapped", keep).WithHint("say in `keep` what the live data is to be called")
	}
	kept := b.live
	kept.copy = keep
	delete(b.copies, name)
	b.copies[keep], b.live = kept, data
	return map[string]any{"live": name, "kept": keep}, nil
}

func (b *database) migrate(_ effect.Moment, args map[string]any) (map[string]any, *effect.Error) {
	if err := b.writer(); err != nil {
		return nil, err
	}
	newest := b.newest
	if newest < 0 {
		newest = b.version + 1 // nobody said: one migration waits
	}
	to, given := args["to"].(float64)
	if !given {
		to = newest
	}
	if b.newest >= 0 && to > newest {
		return nil, effect.Errorf(effect.CodeNotFound, "there is no migration to version %v; the newest is %v", to, newest)
	}
	from, applied := b.version, []any{}
	for v := from; v < to; v++ {
		applied = append(applied, fmt.Sprintf("%v", v+1))
	}
	for v := from; v > to; v-- {
		applied = append(applied, fmt.Sprintf("%v down", v))
	}
	if b.version = to; b.newest < 0 {
		b.newest = max(to, from)
	}
	return map[string]any{"from": from, "to": to, "applied": applied}, nil
}

func (b *database) query(m effect.Moment, args map[string]any) (map[string]any, *effect.Error) {
	if _, err := b.data(args); err != nil {
		return nil, err
	}
	rows, _, err := b.statement(m, args)
	if err != nil {
		return nil, err
	}
	list, ok := rows.([]any)
	if !ok {
		return nil, cannotTell(fmt.Sprintf("db = { statements = { [%q] = { rows = { { column = value } } } } }", squeeze(str(args, "sql"))),
			"nobody said what %q returns", str(args, "sql"))
	}
	truncated := false
	if most := int(num(args, "max_rows")); most > 0 && len(list) > most {
		list, truncated = list[:most], true
	}
	return map[string]any{"rows": copyOf(list), "count": float64(len(list)), "truncated": truncated}, nil
}

func (b *database) exec(m effect.Moment, args map[string]any) (map[string]any, *effect.Error) {
	if err := b.writer(); err != nil {
		return nil, err
	}
	rows, reply, err := b.statement(m, args)
	if err != nil {
		return nil, err
	}
	if err := b.script.apply(b.script.moment(m), reply); err != nil {
		return nil, err
	}
	n, ok := rows.(float64)
	if !ok {
		n = 1
	}
	return map[string]any{"rows": n}, nil
}

// statement returns what the scenario says of a statement.
func (b *database) statement(m effect.Moment, args map[string]any) (rows any, reply map[string]any, err *effect.Error) {
	reply = b.script.find(str(args, "sql"))
	if why := str(reply, "error"); why != "" {
		return nil, nil, effect.Errorf(effect.CodeFailed, "%s", why)
	}
	rows, err = resolveAs(b.script.moment(m), field("rows", effect.Any, ""), reply["rows"])
	if t, isTable := rows.(map[string]any); isTable && len(t) == 0 {
		rows = []any{} // Lua's {} is both
	}
	if s, isText := rows.(string); isText && err == nil {
		err = effect.Errorf(effect.CodeInvalid, "the scenario gives the rows of %q as the text %q", strings.TrimSpace(str(args, "sql")), s)
	}
	return rows, reply, err
}
