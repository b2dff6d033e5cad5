package hosts

import (
	"maps"
	"strings"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/stdlib/internal/field"
	"github.com/q-ecosystem/runbook/stdlib/internal/model"
	"github.com/q-ecosystem/runbook/stdlib/internal/plain"
)

// commandLine returns a command's words, or its line for the shell.
func commandLine(args map[string]any) string {
	if line, ok := args["shell"].(string); ok {
		return line
	}
	return strings.Join(plain.List(args["argv"]), " ")
}

// run carries out what the scenario says of a command, once for all hosts.
func (x *Model) run(m effect.Moment, args map[string]any, chosen []*machine) (any, error) {
	line := commandLine(args)
	reply := x.script.Find(line)
	m = x.script.Moment(m)
	got := map[string]any{}
	for _, f := range []effect.Field{field.Of("code", effect.Int, ""), field.Text("stdout", ""), field.Text("stderr", ""), field.Of("json", effect.Any, "")} {
		v, e := model.ResolveAs(m, f, reply[f.Name])
		if e != nil {
			return nil, e
		}
		got[f.Name] = v
	}
	took, timeout := x.takes(args), effect.Seconds(plain.Num(args, "timeout"))
	if timeout > 0 && took > timeout {
		why := effect.Errorf(effect.CodeUnknown, "%s: %s took longer than %s; its process group was stopped, and nobody knows how far it came",
			chosen[0].Name, line, effect.FormatDuration(timeout)).WithHint("look at what it was to change, then say what happened")
		if args["class"] == string(effect.Read) {
			why.Code, why.Retryable = effect.CodeTimeout, true
		}
		return nil, why
	}
	var bad []failed
	for _, h := range chosen {
		code := plain.Num(got, "code")
		if h.broken[line] {
			code = 1
			h.mended(line)
		}
		switch {
		case h.gone(m.Now):
		case !model.Accepted(args["ok"], code, func(c float64) bool { return c == 0 }):
			bad = append(bad, failed{h.Name, effect.Errorf(effect.CodeFailed, "%s ended with exit code %v after %s", line, code, effect.FormatDuration(took)).
				WithHint("if this code is no failure, add it to ok = { … }")})
		case args["json"] == true && got["json"] == nil:
			bad = append(bad, failed{h.Name, effect.Errorf(effect.CodeFailed, "%s: the scenario does not say what it writes as JSON", line).
				WithHint("give the command json = { … } in the scenario: what its standard output decodes to")})
		}
	}
	if e := fails(args, bad); e != nil {
		return nil, e
	}
	if len(bad) < len(chosen) {
		if e := x.script.Apply(m, reply); e != nil {
			return nil, e
		}
	}
	return each(m, chosen, func(h *machine) map[string]any {
		if failure := told(bad, h); failure != nil {
			return failure
		}
		v := map[string]any{"code": plain.Num(got, "code"), "stdout": plain.Str(got, "stdout"), "stderr": plain.Str(got, "stderr"), "truncated": false, "seconds": took.Seconds()}
		if args["json"] == true {
			v["json"] = plain.Copy(got["json"])
		}
		return v
	}), nil
}

// copy puts a file in its place. What a file of the runner holds is not known.
func (x *Model) copy(m effect.Moment, args map[string]any, chosen []*machine) (any, error) {
	to := plain.Str(args, "to")
	put := fileOf("a copy of " + plain.Str(args, "from"))
	put.known, put.text, put.size = false, "", 0
	if text, given := args["text"].(string); given {
		put = fileOf(text)
		if want := plain.Str(args, "expect"); want != "" && !strings.EqualFold(want, put.sum) {
			return nil, effect.Errorf(effect.CodeConflict, "the file for %s has the SHA-256 %s, expected was %s; nothing was copied", to, put.sum, want).
				WithHint("find out what changed it before it is used")
		}
	} else if want := plain.Str(args, "expect"); want != "" {
		put.sum, put.hashed = strings.ToLower(want), true
	}
	var bad []failed
	for _, h := range chosen {
		if h.broken[written(args)] {
			h.mended(written(args))
			bad = append(bad, failed{h.Name, effect.Errorf(effect.CodeFailed, "%s cannot be written: no space left on device", to).
				WithHint("make room there and copy it again; the file in its place is as it was")})
		}
	}
	if e := fails(args, bad); e != nil {
		return nil, e
	}
	value := each(m, chosen, func(h *machine) map[string]any {
		if failure := told(bad, h); failure != nil {
			return failure
		}
		had, was := h.files[to]
		mine := put
		if was {
			mine.mode = had.mode
		}
		if mode := plain.Str(args, "mode"); mode != "" {
			mine.mode = octal(mode)
		}
		if owner := plain.Str(args, "owner"); owner != "" {
			mine.owner = owner
			if !strings.Contains(owner, ":") {
				mine.owner = owner + ":" + owner
			}
		} else if was {
			mine.owner = had.owner
		}
		h.files = maps.Clone(h.files)
		h.files[to] = mine
		return map[string]any{"changed": !was || had.sum != mine.sum || had.mode != mine.mode || had.owner != mine.owner}
	})
	value["sha256"], value["size"] = put.sum, put.size
	return value, nil
}

// written names the copy of a file, beside the commands and units that may break.
func written(args map[string]any) string { return "a copy to " + plain.Str(args, "to") }

// octal writes a mode with four digits.
func octal(mode string) string {
	if len(mode) == 3 {
		return "0" + mode
	}
	return mode
}

func (x *Model) read(m effect.Moment, args map[string]any, chosen []*machine) (any, error) {
	path := plain.Str(args, "path")
	var bad []failed
	for _, h := range chosen {
		f, ok := h.files[path]
		switch {
		case h.gone(m.Now):
		case ok && !f.known && !f.hashed:
			return nil, cannotTell("%s on %s was copied from the runner, and nobody said what is in it", path, h.Name)
		case !ok && h.learned:
			return nil, cannotTell("nobody said what is in %s on %s", path, h.Name)
		case !ok:
			bad = append(bad, failed{h.Name, effect.Errorf(effect.CodeNotFound, "no file is at %s", path).WithHint("check the path")})
		}
	}
	if e := fails(args, bad); e != nil {
		return nil, e
	}
	return each(m, chosen, func(h *machine) map[string]any {
		if failure := told(bad, h); failure != nil {
			return failure
		}
		f := h.files[path]
		if !f.known {
			return map[string]any{"text": "", "sha256": f.sum, "mode": f.mode, "owner": f.owner, "truncated": true}
		}
		text, most := f.text, int(plain.Num(args, "max"))
		if most > 0 && len(text) > most {
			text = text[:most]
		}
		return map[string]any{"text": text, "size": f.size, "sha256": f.sum, "mode": f.mode, "owner": f.owner, "truncated": float64(len(text)) < f.size}
	}), nil
}

// service does what systemctl does.
func (x *Model) service(m effect.Moment, args map[string]any, chosen []*machine) (any, error) {
	unit, action := unitName(plain.Str(args, "name")), plain.Str(args, "action")
	var bad []failed
	for _, h := range chosen {
		_, known := h.services[unit]
		switch {
		case h.gone(m.Now):
		case !known && h.learned && action == "status":
			return nil, cannotTell("nobody said whether %s runs on %s", unit, h.Name)
		case !known && !h.learned:
			bad = append(bad, failed{h.Name, effect.Errorf(effect.CodeNotFound, "there is no unit %s", unit).WithHint("systemctl list-unit-files shows what there is")})
		case action == "reload" && h.services[unit] != "active":
			bad = append(bad, failed{h.Name, effect.Errorf(effect.CodeFailed, "%s is %s and cannot be reloaded", unit, h.services[unit]).
				WithHint("start it, or see on the host why it is down: journalctl -u %s", unit)})
		case h.broken[unit] && action == "reload":
			h.mended(unit)
			bad = append(bad, failed{h.Name, effect.Errorf(effect.CodeFailed, "%s refuses to be reloaded", unit).WithHint("journalctl -u %s on the host says why", unit)})
		case h.broken[unit] && (action == "start" || action == "restart"):
			h.mended(unit)
			bad = append(bad, failed{h.Name, effect.Errorf(effect.CodeFailed, "%s is %s after %s", unit, h.services[unit], action).
				WithHint("journalctl -u %s on the host says why", unit)})
		}
	}
	if e := fails(args, bad); e != nil {
		return nil, e
	}
	return each(m, chosen, func(h *machine) map[string]any {
		if failure := told(bad, h); failure != nil {
			return failure
		}
		was := h.services[unit]
		v := map[string]any{}
		switch action {
		case "start":
			v["changed"] = was != "active"
			h.set(m, unit, "active", was != "active")
		case "restart":
			v["changed"] = true
			h.set(m, unit, "active", true)
		case "reload":
			v["changed"] = true
		case "stop":
			v["changed"] = was == "active"
			if was != "failed" {
				h.set(m, unit, "inactive", was == "active")
			}
		}
		v["state"], v["sub"], v["restarts"] = h.services[unit], map[string]string{"active": "running", "inactive": "dead", "failed": "failed"}[h.services[unit]], 0.0
		if h.services[unit] == "active" {
			since := m.Start
			if at, ok := h.since[unit]; ok {
				since = at
			}
			v["since"], v["pid"] = plain.Unix(since), 1000.0
		}
		return v
	}), nil
}

func (h *machine) set(m effect.Moment, unit, state string, anew bool) {
	h.services = maps.Clone(h.services)
	h.services[unit] = state
	if anew {
		h.since = maps.Clone(h.since)
		h.since[unit] = m.Now
	}
}

// mended lets what has failed once do its work from now on.
func (h *machine) mended(name string) {
	h.broken = maps.Clone(h.broken)
	delete(h.broken, name)
}
