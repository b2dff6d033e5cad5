package db

import (
	"fmt"
	"slices"
	"strings"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/stdlib/internal/field"
	"github.com/q-ecosystem/runbook/stdlib/internal/model"
	"github.com/q-ecosystem/runbook/stdlib/internal/plain"
)

func (b *database) list(m effect.Moment, _ map[string]any) (map[string]any, *effect.Error) {
	out := map[string]any{"timeline": b.timeline}
	backups := []any{}
	for _, k := range b.backups {
		ended := plain.Unix(k.at(m))
		one := map[string]any{"name": k.name, "type": k.kind, "began": ended, "ended": ended, "size": k.size}
		if backups = append(backups, one); k.damaged { // none of its moments can be restored
			one["damaged"] = true
			continue
		}
		if out["earliest"] == nil {
			out["earliest"] = ended
		}
		if out["latest"] = ended; b.log {
			out["latest"] = plain.Unix(m.Now)
		}
	}
	out["backups"] = backups
	return out, nil
}

func (b *database) backup(m effect.Moment, args map[string]any) (map[string]any, *effect.Error) {
	if _, _, err := b.node(nil); err != nil {
		return nil, err
	}
	i := slices.IndexFunc(b.backups, func(k backup) bool { return m.Key != "" && k.key == m.Key })
	if i < 0 {
		kind := plain.Str(args, "type")
		i = len(b.backups)
		now := b.content()
		b.backups = append(slices.Clip(b.backups), backup{name: fmt.Sprintf("%s-%d", kind, i+1), kind: kind, ended: m.Now, size: 1 << 30, valid: b.live.valid, key: m.Key, content: &now, timeline: b.timeline})
	}
	k := b.backups[i]
	ended := plain.Unix(k.at(m))
	return map[string]any{"backup": k.name, "type": k.kind, "began": ended, "ended": ended, "size": k.size}, nil
}

func (b *database) restore(m effect.Moment, args map[string]any) (map[string]any, *effect.Error) {
	name := plain.Str(args, "copy")
	old, there := b.copies[name]
	if there && m.Key != "" && old.key == m.Key {
		return map[string]any{"copy": name, "backup": old.backup, "time": old.time, "timeline": old.timeline}, nil
	}
	if there {
		return nil, effect.Errorf(effect.CodeConflict, "there is a copy %q already; nothing was restored", name).WithHint("give the copy another name")
	}
	from, at, err := b.source(m, args)
	if err != nil {
		return nil, err
	}
	holds, timeline := b.contentOf(from), b.timeline
	if b.log { // recovery begins a timeline that no other copy has
		b.given = max(b.given, b.timeline) + 1
		timeline = b.given
		if t, err := ParseTime(at); err == nil {
			b.forks[timeline] = fork{b.timeline, t}
		}
		if t, err := ParseTime(at); err == nil {
			holds = b.contentAt(t.Add(slack))
		}
	}
	b.copies[name] = data{copy: name, backup: from.name, time: at, valid: from.valid && b.damage != name, broken: b.damage == name, key: m.Key, content: &holds, timeline: timeline}
	b.damage = ""
	return map[string]any{"copy": name, "backup": from.name, "time": at, "timeline": timeline}, nil
}

// source returns the backup to restore, and the moment that is reached.
func (b *database) source(m effect.Moment, args map[string]any) (*backup, float64, *effect.Error) {
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
	if name := plain.Str(args, "backup"); name != "" {
		i := slices.IndexFunc(b.backups, func(k backup) bool { return k.name == name })
		if i < 0 {
			var known []string
			for _, k := range b.backups {
				known = append(known, k.name)
			}
			return nil, 0, model.NotFound("backup", name, known)
		}
		if k = &b.backups[i]; k.at(m).Sub(target) > slack {
			k = nil
		}
	}
	if k == nil {
		return nil, 0, effect.Errorf(effect.CodeNotFound, "no backup reaches back to %s", target.Format("2006-01-02T15:04:05Z07:00")).
			WithHint("db.backups tells the earliest moment that can be restored")
	}
	if k.damaged {
		return nil, 0, effect.Errorf(effect.CodeUnhealthy, "the backup %s is damaged", k.name).WithHint("leave the backup out: the newest that is whole is taken")
	}
	if !b.fits(m, k) {
		return nil, 0, effect.Errorf(effect.CodeRefused, "the backup %s is of data that was swapped away or left behind by a promotion", k.name).WithHint("restore another backup, or leave it out: the newest that fits is taken")
	}
	if !b.log {
		if given && k.at(m).Sub(target).Abs() > slack {
			return nil, 0, effect.Errorf(effect.CodeRefused, "only the ends of backups can be restored: there is no log").WithHint("name a backup, without a time")
		}
		reached = k.at(m)
	} else if b.logAge != nil {
		if end := m.Start.Add(-*b.logAge); reached.After(end) {
			reached = end
		}
		if ended := k.at(m); reached.Before(ended) {
			reached = ended
		}
	}
	return k, plain.Unix(reached), nil
}

// data returns what validate and query look at: a copy, or the live data.
func (b *database) data(args map[string]any) (data, *effect.Error) {
	name := plain.Str(args, "copy")
	if name == "" {
		_, _, err := b.node(args)
		return b.live, err
	}
	c, there := b.copies[name]
	if !there {
		return c, model.NotFound("copy", name, plain.SortedNames(b.copies))
	}
	return c, nil
}

func (b *database) validate(_ effect.Moment, args map[string]any) (map[string]any, *effect.Error) {
	data, err := b.data(args)
	if err != nil {
		return nil, err
	}
	copied := plain.Str(args, "copy") != ""
	if b.unverifiable && !copied {
		return nil, effect.Errorf(effect.CodeUnsupported, "%s lacks what it is verified with", dataLabel(args)).WithHint("install that; a copy can be verified")
	}
	if !data.valid {
		return nil, effect.Errorf(effect.CodeUnhealthy, "%s is damaged", dataLabel(args)).WithHint("restore another backup and validate that")
	}
	out := map[string]any{"valid": true, "checks": float64(len(plain.Table(args, "checks"))), "detail": dataLabel(args) + " is whole in the simulated world"}
	if b.unverifiable && copied {
		out["again"] = false
	}
	return out, nil
}

func dataLabel(args map[string]any) string {
	if name := plain.Str(args, "copy"); name != "" {
		return "the copy " + name
	}
	return "the live data"
}

func (b *database) swap(m effect.Moment, args map[string]any) (map[string]any, *effect.Error) {
	name, keep := plain.Str(args, "copy"), plain.Str(args, "keep")
	data, there := b.copies[name]
	if !there {
		return nil, model.NotFound("copy", name, plain.SortedNames(b.copies))
	}
	if keep == "" {
		keep = name + "_before"
	}
	if _, taken := b.copies[keep]; taken && keep != name {
		return nil, effect.Errorf(effect.CodeConflict, "there is a copy %q already; nothing was swapped", keep).WithHint("say in `keep` what the live data is to be called")
	}
	if data.taken {
		return nil, effect.Errorf(effect.CodeConflict, "the timeline of the copy (%v) was taken by another one since it was restored; nothing was swapped", data.timeline).
			WithHint("restore it again: it gets a timeline of its own")
	}
	now := b.timeline
	if err := b.restart(data.timeline); err != nil {
		return nil, err
	}
	done := b.changing(m.Now)
	kept, was := b.live, b.content()
	kept.copy, kept.content, kept.timeline = keep, &was, now
	delete(b.copies, name)
	b.copies[keep], b.live = kept, data
	if data.content != nil {
		b.setContent(*data.content)
	}
	done()
	return map[string]any{"live": name, "kept": keep}, nil
}

// near puts what is close behind what is missing.
func near(said string) string {
	if said == "" {
		return ""
	}
	return "; " + said
}

func (b *database) query(m effect.Moment, args map[string]any) (map[string]any, *effect.Error) {
	of, err := b.data(args)
	if err != nil {
		return nil, err
	}
	if of.broken {
		return nil, effect.Errorf(effect.CodeUnhealthy, "%s is damaged: it cannot be read", dataLabel(args)).WithHint("restore it again, or another backup")
	}
	rows, _, err := b.statement(m, args)
	if err != nil {
		return nil, err
	}
	list, ok := rows.([]any)
	if !ok {
		return nil, model.CannotTell(fmt.Sprintf("db = { statements = { [%q] = { rows = { { column = value } } } } }", model.Squeeze(plain.Str(args, "sql"))),
			"nobody said what %q returns%s", plain.Str(args, "sql"), near(b.script.Near(plain.Str(args, "sql"))))
	}
	truncated := false
	if most := int(plain.Num(args, "max_rows")); most > 0 && len(list) > most {
		list, truncated = list[:most], true
	}
	return map[string]any{"rows": plain.CopyOf(list), "count": float64(len(list)), "truncated": truncated}, nil
}

func (b *database) exec(m effect.Moment, args map[string]any) (map[string]any, *effect.Error) {
	if err := b.writer(); err != nil {
		return nil, err
	}
	rows, reply, err := b.statement(m, args)
	if err != nil {
		return nil, err
	}
	done := b.changing(m.Now)
	if err := b.script.Apply(b.script.Moment(m), reply); err != nil {
		return nil, err
	}
	done()
	n, ok := rows.(float64)
	if !ok {
		n = 1
	}
	return map[string]any{"rows": n}, nil
}

// statement returns what the scenario says of a statement.
func (b *database) statement(m effect.Moment, args map[string]any) (rows any, reply map[string]any, err *effect.Error) {
	reply = b.script.Find(plain.Str(args, "sql"))
	if why := plain.Str(reply, "error"); why != "" {
		return nil, nil, effect.Errorf(effect.CodeFailed, "%s", why)
	}
	rows, err = model.ResolveAs(b.script.Moment(m), field.Of("rows", effect.Any, ""), reply["rows"])
	if t, isTable := rows.(map[string]any); isTable && len(t) == 0 {
		rows = []any{} // Lua's {} is both
	}
	if s, isText := rows.(string); isText && err == nil {
		err = effect.Errorf(effect.CodeInvalid, "the scenario gives the rows of %q as the text %q", strings.TrimSpace(plain.Str(args, "sql")), s)
	}
	return rows, reply, err
}
