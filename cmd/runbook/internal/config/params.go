package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// LoadParams reads a file of parameters in YAML or JSON: one table, whose
// values come back as plain data. It may be a pipe, as a shell makes one of
// <(sops -d release.yaml), and "-" is the standard input: a run records its
// parameters, and nobody reads them again. Errors are as of Load.
func LoadParams(path string) (map[string]any, error) {
	text, err := readParams(path)
	if err != nil {
		return nil, fmt.Errorf("read parameters: %w", err)
	}
	return parseParamFile(path, text)
}

func parseParamFile(path string, text []byte) (map[string]any, error) {
	root, err := parseYAML(path, text)
	if err != nil {
		return nil, err
	}
	if root == nil || root.kind == "nothing" {
		return map[string]any{}, nil
	}
	values, ok := root.plain().(map[string]any)
	if !ok {
		return nil, errorf(effect.Position{File: path, Line: root.line}, "write name: value, one a line",
			"a file of parameters holds a table, this one %s", root.describe())
	}
	return values, nil
}

// ParseParams returns a run's parameters in canonical form, defaults filled
// in: the values of a parameter file, which may be nil, overridden by pairs
// "name=value" of the command line. Secret parameters are given by reference
// in both, where paths start from the working directory, and are named as by
// Secret. The error is a joined list of *Error that names everything that is
// wrong or missing.
func ParseParams(fields []effect.Field, file map[string]any, pairs []string) (map[string]any, error) {
	return ParseParamsWith(fields, file, pairs, Secret)
}

// ParseParamsWith is ParseParams with secrets found by another function, as a
// rehearsal has them.
func ParseParamsWith(fields []effect.Field, file map[string]any, pairs []string,
	secret func(ref string) (effect.Secret, error)) (map[string]any, error) {
	var p problems
	report := func(path string, err error) {
		var ce *Error
		var fe *effect.FieldError
		message, hint := err.Error(), ""
		if errors.As(err, &ce) {
			message, hint = ce.Message, ce.Hint
		} else if errors.As(err, &fe) {
			path, message, hint = joinPath(path, fe.Path), fe.Problem, fe.Hint
		}
		if hint == "" && strings.HasPrefix(message, "wants a string, got ") { // 1.10 is a number in YAML, and the same as 1.1
			hint = `quote it in the file: "…"`
		}
		p.add(effect.Position{}, hint, "param %s: %s", path, message)
	}
	values := make(map[string]any, len(file))
	for k, v := range file {
		values[k] = v
	}
	given := map[string]bool{}
	bad := map[string]bool{} // already reported
	for _, pair := range pairs {
		name, text, ok := strings.Cut(pair, "=")
		if name = strings.TrimSpace(name); !ok || name == "" {
			// What stands there may be a secret: it is not repeated.
			p.add(effect.Position{}, "write --param name=value", "a parameter of the command line has no name or no value")
			continue
		}
		if given[name] {
			p.add(effect.Position{}, `give it once; the elements of a list are separated by commas, or stand in JSON: ["a,b", "c"]`, "param %s: is given twice", name)
			continue
		}
		given[name] = true
		v, err := parsePair(fields, name, text)
		if err != nil {
			report(name, err)
			bad[name] = true
		}
		values[name] = v
	}
	var rest []effect.Field
	for i := range fields {
		if bad[fields[i].Name] {
			delete(values, fields[i].Name)
			continue
		}
		rest = append(rest, fields[i])
	}
	out := checkAll(rest, values, &secretResolver{
		func(_, ref string) (effect.Secret, error) { return secret(ref) }, report})
	if err := p.err(); err != nil {
		return nil, err
	}
	return out, nil
}

// parsePair reads one value of the command line. References to secrets, and
// values of unknown parameters, are left as they are.
func parsePair(fields []effect.Field, name, text string) (any, error) {
	for i := range fields {
		f := &fields[i]
		if f.Name != name || f.Secret {
			continue
		}
		if list, is, err := listOf(f, text); is {
			return list, err
		}
		if f.Type == effect.List && f.Elem != nil && f.Elem.Secret {
			refs := []any{}
			for _, ref := range strings.Split(text, ",") {
				refs = append(refs, strings.TrimSpace(ref))
			}
			return refs, nil
		}
		return effect.ParseText(f, text)
	}
	return text, nil
}

// listOf reads a list that is written in JSON, whose elements may hold commas.
// What is no JSON is none: "[::1],[::2]" has commas between its elements.
func listOf(f *effect.Field, text string) (list []any, is bool, err error) {
	if f.Type != effect.List || !strings.HasPrefix(strings.TrimSpace(text), "[") {
		return nil, false, nil
	}
	var raw []any
	dec := json.NewDecoder(strings.NewReader(text))
	dec.UseNumber()
	if dec.Decode(&raw) != nil || dec.More() {
		return nil, false, nil
	}
	list = make([]any, len(raw))
	for i, v := range raw {
		switch v.(type) {
		case string, json.Number, bool:
		default:
			return nil, true, &effect.FieldError{Path: fmt.Sprintf("[%d]", i+1), Problem: "is no text, number, true or false"}
		}
		list[i] = fmt.Sprint(v)
		if f.Elem == nil || f.Elem.Secret {
			continue
		}
		if list[i], err = effect.ParseText(f.Elem, fmt.Sprint(v)); err != nil {
			return nil, true, &effect.FieldError{Path: fmt.Sprintf("[%d]", i+1), Problem: err.Error()}
		}
	}
	return list, true, nil
}

// pipePatience is how long whoever writes to a pipe may take.
const pipePatience = time.Minute

func readParams(path string) ([]byte, error) {
	if path == "-" {
		return readAtMost("the standard input", os.Stdin)
	}
	if info, err := os.Stat(path); err != nil || info.Mode()&os.ModeNamedPipe == 0 {
		return readFile(path)
	}
	type read struct {
		text []byte
		err  error
	}
	done := make(chan read, 1)
	go func() { // opening a pipe waits for whoever writes
		f, err := os.Open(path)
		if err != nil {
			done <- read{err: err}
			return
		}
		defer f.Close()
		text, err := readAtMost(path, f)
		done <- read{text, err}
	}()
	select {
	case r := <-done:
		return r.text, r.err
	case <-time.After(pipePatience):
		return nil, fmt.Errorf("%s: nobody has written it to its end within %s; see what the command that writes it waits for", path, effect.FormatDuration(pipePatience))
	}
}

// readAtMost reads to the end, and no more than a file may hold.
func readAtMost(name string, from io.Reader) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(from, maxFile+1))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if len(text) > maxFile {
		return nil, fmt.Errorf("%s has more than %d bytes", name, maxFile)
	}
	return text, nil
}
