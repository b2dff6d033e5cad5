package stdlib

import (
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// filesModel is a set of files that a scenario names.
//
//	files = { ["/var/log/app.log"] = { text = "error: …\n", age = "5m" }, ["app.bin"] = { hash = "ab12…", size = "3MiB" } }
//
// State: { ["/var/log/app.log"] = { size } }.
type filesModel struct {
	files map[string]map[string]any // members are never changed in place
}

func newFilesModel() *filesModel { return &filesModel{map[string]map[string]any{}} }

// Load implements effect.Model.
func (f *filesModel) Load(state map[string]any) error {
	s, err := loadState(nil, &effect.Field{Type: effect.Object, Fields: []effect.Field{
		text("text", "what is in it"), text("hash", "its hash, by whatever algorithm; from the text if left out"),
		field("size", effect.Size, "its size; of the text if left out"), field("age", effect.Duration, "how long before the start it changed"),
	}}, state)
	if err != nil {
		return err
	}
	for name := range s {
		f.files[path.Clean(name)] = table(s, name)
	}
	return nil
}

// Do implements effect.Model.
func (f *filesModel) Do(m effect.Moment, op string, args map[string]any) (any, error) {
	switch op {
	case "hash":
		return f.hash(args)
	case "search":
		return f.search(m, args)
	case "archive":
		return f.archive(m, args)
	}
	return nil, noOp("files", op)
}

func (f *filesModel) hash(args map[string]any) (any, error) {
	name := str(args, "path")
	inside := f.inside(name)
	if len(inside) == 0 {
		return nil, cannotTell("files = { [\""+name+"\"] = { text = \"…\" } }", "nobody said what is in %s", name)
	}
	var all strings.Builder
	size, stated := 0.0, ""
	for _, file := range inside {
		size += f.size(file)
		all.WriteString(str(f.files[file], "text"))
		stated = str(f.files[file], "hash")
	}
	got := stated
	if len(inside) > 1 || stated == "" {
		got = digest(str(args, "algorithm"), all.String())
	}
	if want := str(args, "expect"); want != "" && !strings.EqualFold(want, got) {
		return nil, effect.Errorf(effect.CodeConflict, "%s has the hash %s, expected was %s", name, got, want).WithHint("find out what changed it before it is used")
	}
	return map[string]any{"hash": got, "size": size, "files": float64(len(inside))}, nil
}

func (f *filesModel) search(m effect.Moment, args map[string]any) (any, error) {
	expr, err := regexp.Compile(str(args, "pattern"))
	if err != nil {
		return nil, effect.Errorf(effect.CodeInvalid, "pattern: %v", err).WithHint("write an expression of RE2: https://github.com/google/re2/wiki/Syntax")
	}
	if len(f.files) == 0 {
		return nil, cannotTell(`files = { ["/var/log/app.log"] = { text = "…" } }`, "nobody said what is in %s", strings.Join(list(args["paths"]), ", "))
	}
	found, truncated := []any{}, false
	for _, file := range f.chosen(m, args) {
		for i, line := range strings.Split(strings.TrimSuffix(str(f.files[file], "text"), "\n"), "\n") {
			if !expr.MatchString(line) {
				continue
			}
			if limit := num(args, "max"); limit > 0 && float64(len(found)) >= limit {
				truncated = true
				continue
			}
			found = append(found, map[string]any{"file": file, "line": float64(i + 1), "text": line})
		}
	}
	return map[string]any{"matches": found, "count": float64(len(found)), "truncated": truncated}, nil
}

// archive copies what is known of the files; where nobody named any, there is
// an archive of nothing, which is assumed.
func (f *filesModel) archive(m effect.Moment, args map[string]any) (any, error) {
	chosen := f.chosen(m, args)
	if len(chosen) == 0 && len(f.files) > 0 {
		return nil, effect.Errorf(effect.CodeNotFound, "no file is at %s", strings.Join(list(args["paths"]), ", ")).
			WithHint("there are %s", strings.Join(sortedNames(f.files), ", "))
	}
	size, to := 0.0, path.Clean(str(args, "to"))
	for _, file := range chosen {
		size += f.size(file)
	}
	sum := digest("sha256", strings.Join(chosen, "\n"))
	f.files[to] = map[string]any{"hash": sum, "size": size}
	return map[string]any{"path": str(args, "to"), "files": float64(len(chosen)), "size": size, "sha256": sum}, nil
}

// chosen returns the files that paths, directories and patterns name.
func (f *filesModel) chosen(m effect.Moment, args map[string]any) []string {
	var all []string
	for _, p := range list(args["paths"]) {
		all = append(all, f.inside(p)...)
	}
	slices.Sort(all)
	since, bounded := args["since"].(float64)
	return slices.DeleteFunc(slices.Compact(all), func(file string) bool {
		age := m.Now.Sub(m.Start).Seconds() + num(f.files[file], "age")
		return bounded && age > since || file == path.Clean(str(args, "to"))
	})
}

// inside returns a file, the files of a directory, or those that fit a
// pattern, in order.
func (f *filesModel) inside(name string) []string {
	name = path.Clean(name)
	var in []string
	for _, file := range sortedNames(f.files) {
		fits, _ := path.Match(name, file)
		if fits || file == name || strings.HasPrefix(file, strings.TrimSuffix(name, "/")+"/") {
			in = append(in, file)
		}
	}
	return in
}

func (f *filesModel) size(file string) float64 {
	if size, ok := f.files[file]["size"].(float64); ok {
		return size
	}
	return float64(len(str(f.files[file], "text")))
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
func (f *filesModel) State(effect.Moment) map[string]any {
	out := make(map[string]any, len(f.files))
	for name := range f.files {
		out[name] = map[string]any{"size": f.size(name)}
	}
	return out
}

// Clone implements effect.Model.
func (f *filesModel) Clone() effect.Model { return &filesModel{maps.Clone(f.files)} }

// Assumes reports whether nobody named any file.
func (f *filesModel) Assumes(string, map[string]any) bool { return len(f.files) == 0 }
