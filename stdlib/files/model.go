package files

import (
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/stdlib/internal/field"
	"github.com/q-ecosystem/runbook/stdlib/internal/model"
	"github.com/q-ecosystem/runbook/stdlib/internal/plain"
)

// Model is a set of files that a scenario names.
//
//	files = { ["/var/log/app.log"] = { text = "error: …\n", age = "5m" }, ["app.bin"] = { hash = "ab12…", size = "3MiB" } }
//
// Where nobody named any, a dry run has the real ones hashed and searched, until
// something was changed.
//
// State: { ["/var/log/app.log"] = { size } }.
type Model struct {
	files   map[string]map[string]any // members are never changed in place
	made    map[string]string         // archives: by path, the key of the call that made it
	learned map[string]map[string]any // what real reads told, by op and arguments
}

// NewModel returns one in the state that holds where a scenario says nothing.
func NewModel() *Model {
	return &Model{map[string]map[string]any{}, map[string]string{}, map[string]map[string]any{}}
}

// scenario declares what a scenario says of the module.
func scenario() effect.ScenarioFields {
	return effect.ScenarioFields{Rest: &effect.Field{Type: effect.Object, Doc: "a file, by its path", Fields: []effect.Field{
		field.Text("text", "what is in it"), field.Text("hash", "its hash, by whatever algorithm; from the text if left out"),
		field.Of("size", effect.Size, "its size; of the text if left out"), field.Of("age", effect.Duration, "how long before the start it changed"),
	}}}
}

// Load implements effect.Model.
func (f *Model) Load(state map[string]any) error {
	s, err := scenario().Check(state)
	if err != nil {
		return err
	}
	for name := range s {
		f.files[path.Clean(name)] = plain.Table(s, name)
	}
	return nil
}

// Do implements effect.Model.
func (f *Model) Do(m effect.Moment, op string, args map[string]any) (any, error) {
	if told, ok := f.learned[asked(op, args)]; ok && !m.Dirty {
		return plain.CopyOf(told), nil
	}
	switch op {
	case "hash":
		return f.hash(args)
	case "search":
		return f.search(m, args)
	case "archive":
		return f.archive(m, args)
	}
	return nil, model.NoOp("files", op)
}

func (f *Model) hash(args map[string]any) (any, error) {
	name, algorithm := plain.Str(args, "path"), plain.Str(args, "algorithm")
	if len(f.files) == 0 {
		return nil, model.CannotTell("files = { [\""+name+"\"] = { text = \"…\" } }", "nobody said what is in %s", name)
	}
	inside, got, size := f.inside(path.Clean(name), false), "", 0.0
	if len(inside) == 0 {
		return nil, f.none(name)
	}
	var list strings.Builder
	for _, file := range inside {
		size += f.size(file)
		got = f.sum(algorithm, file)
		list.WriteString(ListLine(got, "."+strings.TrimPrefix(file, strings.TrimSuffix(path.Clean(name), "/"))))
	}
	if inside[0] != path.Clean(name) { // a directory
		got = digest(algorithm, list.String())
	}
	if want := plain.Str(args, "expect"); want != "" && !strings.EqualFold(want, got) {
		return nil, effect.Errorf(effect.CodeConflict, "%s has the hash %s, expected was %s", name, got, want).WithHint("find out what changed it before it is used")
	}
	return map[string]any{"hash": got, "size": size, "files": float64(len(inside))}, nil
}

// none says that there is no such file.
func (f *Model) none(name string) *effect.Error {
	return effect.Errorf(effect.CodeNotFound, "no file is at %s", name).WithHint("there are %s", strings.Join(plain.SortedNames(f.files), ", "))
}

// sum returns a file's hash: as stated, or of its text.
func (f *Model) sum(algorithm, file string) string {
	if stated := plain.Str(f.files[file], "hash"); stated != "" {
		return stated
	}
	return digest(algorithm, plain.Str(f.files[file], "text"))
}

func (f *Model) search(m effect.Moment, args map[string]any) (any, error) {
	expr, err := regexp.Compile(plain.Str(args, "pattern"))
	if err != nil {
		return nil, effect.Errorf(effect.CodeInvalid, "pattern: %v", err).WithHint("write an expression of RE2: https://github.com/google/re2/wiki/Syntax")
	}
	span, err := NewRange(args, time.UTC, m.Now)
	if err != nil {
		return nil, effect.Errorf(effect.CodeInvalid, "%v", err)
	}
	if len(f.files) == 0 {
		return nil, model.CannotTell(`files = { ["/var/log/app.log"] = { text = "…" } }`, "nobody said what is in %s", strings.Join(plain.List(args["paths"]), ", "))
	}
	chosen, e := f.chosen(m, args)
	if e != nil {
		return nil, e
	}
	found, truncated := []any{}, false
	for _, file := range chosen {
		cursor, text := span.Cursor(), plain.Str(f.files[file], "text")
		for i, line := range strings.Split(strings.TrimSuffix(text, "\n"), "\n") {
			in, at := cursor.Next(line)
			if !in || !expr.MatchString(strings.TrimSuffix(line, "\r")) || text == "" {
				continue
			}
			if limit := plain.Num(args, "max"); limit > 0 && float64(len(found)) >= limit {
				truncated = true
				continue
			}
			match := map[string]any{"file": file, "line": float64(i + 1), "text": ShownLine(line)}
			if !at.IsZero() {
				match["time"] = plain.Unix(at)
			}
			found = append(found, match)
		}
		if span.Bounded() && !cursor.Seen && text != "" {
			return nil, effect.Errorf(effect.CodeUnsupported, NoTimes, file).WithHint(Forms)
		}
	}
	return map[string]any{"matches": found, "count": float64(len(found)), "truncated": truncated, "files": float64(len(chosen))}, nil
}

// archive copies what is known of the files; where nobody named any, there is
// an archive of nothing, which is assumed.
func (f *Model) archive(m effect.Moment, args map[string]any) (any, error) {
	size, to := 0.0, path.Clean(plain.Str(args, "to"))
	if held, taken := f.files[to]; taken {
		if key, made := f.made[to]; !made || key != m.Key {
			return nil, effect.Errorf(effect.CodeConflict, "%s is there already, and takes no other archive in its place", to).WithHint("give the archive another name")
		}
		return map[string]any{"path": plain.Str(args, "to"), "files": held["files"], "size": f.size(to), "sha256": f.sum("sha256", to)}, nil
	}
	var chosen []string
	if len(f.files) > 0 {
		var e *effect.Error
		if chosen, e = f.chosen(m, args); e != nil {
			return nil, e
		}
		if len(chosen) == 0 {
			return nil, effect.Errorf(effect.CodeNotFound, "no file of %s changed within that time; there is nothing to archive", strings.Join(plain.List(args["paths"]), ", "))
		}
	}
	for _, file := range chosen {
		size += f.size(file)
	}
	sum := digest("sha256", strings.Join(chosen, "\n"))
	f.files[to] = map[string]any{"hash": sum, "size": size, "files": float64(len(chosen))}
	f.made = maps.Clone(f.made)
	f.made[to] = m.Key
	return map[string]any{"path": plain.Str(args, "to"), "files": float64(len(chosen)), "size": size, "sha256": sum}, nil
}

// chosen returns the files that paths, directories and patterns name. A path
// without a file is an error, and so are patterns that all fit nothing.
func (f *Model) chosen(m effect.Moment, args map[string]any) ([]string, *effect.Error) {
	var all []string
	for _, p := range plain.List(args["paths"]) {
		in := f.inside(path.Clean(p), IsPattern(p))
		if len(in) == 0 && !IsPattern(p) {
			return nil, f.none(p)
		}
		all = append(all, in...)
	}
	if len(all) == 0 {
		return nil, f.none(strings.Join(plain.List(args["paths"]), ", "))
	}
	slices.Sort(all)
	since, bounded := args["since"].(float64)
	return slices.DeleteFunc(slices.Compact(all), func(file string) bool {
		age := m.Now.Sub(m.Start).Seconds() + plain.Num(f.files[file], "age")
		return bounded && age > since || file == path.Clean(plain.Str(args, "to"))
	}), nil
}

// IsPattern reports whether a path is one that several files may fit.
func IsPattern(p string) bool { return strings.ContainsAny(p, "*?[") }

// inside returns a file, the files of a directory, or those that fit a
// pattern or are below what fits it, in order.
func (f *Model) inside(name string, pattern bool) []string {
	var in []string
	for _, file := range plain.SortedNames(f.files) {
		for up := file; ; up = path.Dir(up) {
			fits := up == name
			if pattern {
				fits, _ = path.Match(name, up)
			}
			if fits {
				in = append(in, file)
			}
			if fits || up == path.Dir(up) {
				break
			}
		}
	}
	return in
}

func (f *Model) size(file string) float64 {
	if size, ok := f.files[file]["size"].(float64); ok {
		return size
	}
	return float64(len(plain.Str(f.files[file], "text")))
}

func digest(algorithm, text string) string {
	if algorithm == "sha512" {
		sum := sha512.Sum512([]byte(text))
		return hex.EncodeToString(sum[:])
	}
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// State implements effect.Model.
func (f *Model) State(effect.Moment) map[string]any {
	out := make(map[string]any, len(f.files))
	for name := range f.files {
		out[name] = map[string]any{"size": f.size(name)}
	}
	return out
}

// Clone implements effect.Model.
func (f *Model) Clone() effect.Model {
	return &Model{maps.Clone(f.files), f.made, f.learned}
}

// Needs implements effect.Learner: what is asked is asked of the real files,
// while they are all that there is.
func (f *Model) Needs(m effect.Moment, op string, args map[string]any) []effect.Reading {
	if len(f.files) > 0 || m.Dirty || op == "archive" {
		return nil
	}
	return []effect.Reading{{Op: op, Args: args}}
}

// Learn implements effect.Learner.
func (f *Model) Learn(r effect.Reading, value any) error {
	got, _ := value.(map[string]any)
	f.learned = maps.Clone(f.learned)
	f.learned[asked(r.Op, r.Args)] = got
	return nil
}

// asked names a read.
func asked(op string, args map[string]any) string { return op + fmt.Sprint(args) }

// Assumes implements effect.Assumer: nobody may have named any file.
func (f *Model) Assumes(op string, args map[string]any) string {
	return model.Assuming(len(f.files) == 0 && f.learned[asked(op, args)] == nil, model.Whole("files", plain.Str(args, "path")))
}
