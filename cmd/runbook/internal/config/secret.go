package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"unicode/utf8"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// maxSecret bounds a secret's size, in bytes.
const maxSecret = 64 << 10

// What is said of a secret that is given as it is, and how one is given.
const (
	inClear    = "a secret may not stand here in clear"
	secretHint = "write env:NAME or file:PATH, and keep the secret there"
)

// ResolveSecret returns the secret that a reference leads to: "env:NAME" is
// an environment variable of this process, "file:PATH" a file that nobody
// else can read, without its final line break. Relative paths start from dir.
// The name is what is shown in the secret's place. The error is an *Error
// without a place, and never holds the text of the reference's target.
func ResolveSecret(name, ref, dir string) (effect.Secret, error) {
	nowhere := effect.Position{}
	if variable, ok := strings.CutPrefix(ref, "env:"); ok {
		value, set := os.LookupEnv(variable)
		switch {
		case variable == "":
			return effect.Secret{}, errorf(nowhere, "write env:NAME", "the reference env: names no variable")
		case !set:
			return effect.Secret{}, errorf(nowhere, "set it, and start runbook again", "the environment variable %s is not set", variable)
		case value == "":
			return effect.Secret{}, errorf(nowhere, "set it, and start runbook again", "the environment variable %s is empty", variable)
		}
		return effect.NewSecret(name, value), nil
	}
	if path, ok := strings.CutPrefix(ref, "file:"); ok {
		if path == "" {
			return effect.Secret{}, errorf(nowhere, "write file:PATH", "the reference file: names no file")
		}
		value, err := readSecret(relativeTo(dir, path))
		if err != nil {
			return effect.Secret{}, err
		}
		return effect.NewSecret(name, value), nil
	}
	return effect.Secret{}, errorf(nowhere, secretHint, inClear)
}

// Secret returns the secret that a reference leads to, named by the reference
// itself with its path made absolute: a journal that keeps the name can find
// the secret again from wherever a run is resumed. Errors are as of
// ResolveSecret.
func Secret(ref string) (effect.Secret, error) {
	name, err := SecretName(ref)
	if err != nil {
		return effect.Secret{}, err
	}
	return ResolveSecret(name, name, ".")
}

// SecretName is what Secret names a secret: the reference to it, as it leads
// there from any folder. What is no reference, and may be a secret, is refused.
func SecretName(ref string) (string, error) {
	path, ok := strings.CutPrefix(ref, "file:")
	switch {
	case !ok && !strings.HasPrefix(ref, "env:"):
		return "", errorf(effect.Position{}, secretHint, inClear)
	case !ok, path == "":
		return ref, nil
	}
	abs, err := filepath.Abs(path)
	if err != nil {
		return "", fmt.Errorf("find the secret file %s: %w", path, err)
	}
	return "file:" + abs, nil
}

// readSecret reads a file that holds a secret.
func readSecret(path string) (string, error) {
	nowhere := effect.Position{}
	info, err := os.Stat(path) // before opening: a pipe would block
	if err != nil {
		return "", errorf(nowhere, "", "the secret file %s cannot be read: %s", path, cause(err))
	}
	if !info.Mode().IsRegular() {
		return "", errorf(nowhere, "keep it in a file, which can be read again", "the secret file %s is not a regular file", path)
	}
	file, err := os.Open(path)
	if err != nil {
		return "", errorf(nowhere, "", "the secret file %s cannot be read: %s", path, cause(err))
	}
	defer file.Close()
	if info, err = file.Stat(); err != nil { // of what was really opened
		return "", errorf(nowhere, "", "the secret file %s cannot be read: %s", path, cause(err))
	}
	if mode := info.Mode().Perm(); mode&0o007 != 0 {
		return "", errorf(nowhere, "run chmod 600 "+path, "the secret file %s is open to every user of the machine (mode %04o)", path, mode)
	}
	return readText("the secret file "+path, file)
}

// ReadSecret reads a secret that is given once, such as on standard input. It goes
// by what it is called; errors are as of ResolveSecret.
func ReadSecret(what string, r io.Reader) (effect.Secret, error) {
	text, err := readText(what, r)
	if err != nil {
		return effect.Secret{}, err
	}
	return effect.NewSecret(what, text), nil
}

// readText reads the one text that is a secret, without its final line break.
func readText(what string, r io.Reader) (string, error) {
	nowhere := effect.Position{}
	text, err := io.ReadAll(io.LimitReader(r, maxSecret+1))
	if err != nil {
		return "", errorf(nowhere, "", "%s cannot be read: %s", what, cause(err))
	}
	if len(text) > maxSecret {
		return "", errorf(nowhere, "", "%s is larger than %d bytes", what, maxSecret)
	}
	text = bytes.TrimSuffix(bytes.TrimSuffix(text, []byte("\n")), []byte("\r"))
	if len(text) == 0 {
		return "", errorf(nowhere, "", "%s is empty", what)
	}
	if !utf8.Valid(text) {
		return "", errorf(nowhere, "", "%s is not a text", what)
	}
	return string(text), nil
}

// cause returns an error of the file system without operation and path.
func cause(err error) string {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return pe.Err.Error()
	}
	return err.Error()
}

// secretResolver puts secrets in the place of the references to them.
type secretResolver struct {
	// find returns the secret for a reference that stands at a path.
	find   func(path, ref string) (effect.Secret, error)
	report func(path string, err error)
}

// resolve returns v with the references in its secret fields resolved; ok is
// false if something was reported.
func (r *secretResolver) resolve(f *effect.Field, v any, path string) (resolved any, ok bool) {
	if f == nil || v == nil {
		return v, true
	}
	if f.Secret {
		ref, isText := v.(string)
		if !isText {
			if _, done := v.(effect.Secret); done {
				return v, true
			}
			r.report(path, &Error{Message: inClear, Hint: secretHint})
			return nil, false
		}
		secret, err := r.find(path, ref)
		if err != nil {
			r.report(path, err)
			return nil, false
		}
		return secret, true
	}
	ok = true
	switch v := v.(type) {
	case []any:
		out := make([]any, len(v))
		for i, item := range v {
			var good bool
			out[i], good = r.resolve(f.Elem, item, fmt.Sprintf("%s[%d]", path, i+1))
			ok = ok && good
		}
		return out, ok
	case map[string]any:
		out := make(map[string]any, len(v))
		for _, key := range sortedKeys(v) {
			var good bool
			out[key], good = r.resolve(memberOf(f, key), v[key], joinPath(path, key))
			ok = ok && good
		}
		return out, ok
	}
	return v, true
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}
