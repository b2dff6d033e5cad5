package effect

import (
	"errors"
	"fmt"
	"math"
	"regexp"
	"slices"
	"sort"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Type says how a field's value is read and checked.
type Type string

const (
	String   Type = "string"   // UTF-8, or any bytes
	Int      Type = "int"      // a whole number
	Number   Type = "number"   // any finite number
	Bool     Type = "bool"     // true or false
	Duration Type = "duration" // seconds, or text: "15m", "1h30m", "7d"
	Percent  Type = "percent"  // percent, or text: 0.1 and "0.1%" are the same
	Size     Type = "size"     // bytes, or text: "10MiB", "1.5GB"
	Enum     Type = "enum"     // one of Field.Enum
	List     Type = "list"     // each element of the shape Field.Elem
	Map      Type = "map"      // any keys; each value of the shape Field.Elem
	Object   Type = "object"   // exactly Field.Fields
	Any      Type = "any"      // plain data of any shape
)

var types = map[Type]bool{String: true, Int: true, Number: true, Bool: true, Duration: true,
	Percent: true, Size: true, Enum: true, List: true, Map: true, Object: true, Any: true}

// Field declares one argument, return value, parameter or configuration key.
type Field struct {
	Name     string   `json:"name,omitempty"`
	Type     Type     `json:"type"`
	Doc      string   `json:"doc,omitempty"`
	Required bool     `json:"required,omitempty"`
	Default  any      `json:"default,omitempty"` // in any form that the type reads
	Enum     []string `json:"enum,omitempty"`
	// Min and Max bound numbers (in the type's unit), and the length of
	// strings and lists.
	Min *float64 `json:"min,omitempty"`
	Max *float64 `json:"max,omitempty"`
	// Pattern is an RE2 expression that the whole string must match.
	Pattern string `json:"pattern,omitempty"`
	// Path marks a string that names a file or directory: a relative one that
	// stands in a configuration counts from the configuration's file.
	Path PathKind `json:"path,omitempty"`
	// Secret values are recorded as a keyed digest and never shown. A plain
	// string given for a secret field is taken as a secret.
	Secret bool `json:"secret,omitempty"`
	// Names says of a map what its keys name: "metric". In a configuration they
	// are declared by it; a call's are held against those, and Enum lists what
	// is known without.
	Names string `json:"names,omitempty"`
	// LessIsBetter says of a figure among results that 0 is as good as it can be. It
	// is left out where nothing was measured.
	LessIsBetter bool `json:"less_is_better,omitempty"`
	// Remaining says of an argument that it is how many are to be left in service:
	// what a script subtracts for it is taken away.
	Remaining bool `json:"remaining,omitempty"`

	Elem   *Field  `json:"elem,omitempty"`
	Fields []Field `json:"fields,omitempty"`
}

// PathKind says when a string names a file or directory.
type PathKind string

const (
	IsPath    PathKind = "path"         // always
	MayBePath PathKind = "name or path" // if it holds a slash, as a program or a socket ("unix:./admin.sock")
)

// Bound returns a pointer for Field.Min and Field.Max.
func Bound(x float64) *float64 { return &x }

// FieldError says which field is wrong, why, and how to mend it.
type FieldError struct {
	Path    string // "slo.p99_latency", "targets[2]"
	Problem string // "wants a duration like \"15m\", got \"soon\""
	Hint    string // "did you mean \"window\"?"
}

// Error returns "path: problem; hint".
func (e *FieldError) Error() string {
	s := e.Problem
	if e.Path != "" {
		s = e.Path + ": " + s
	}
	if e.Hint != "" {
		s += "; " + e.Hint
	}
	return s
}

// CheckFields verifies values against fields and returns them in canonical
// form with defaults filled in. Keys beyond fields must fit rest; with a nil
// rest they are errors. Nil values count as absent. The error is a
// *FieldError.
func CheckFields(fields []Field, rest *Field, values map[string]any) (map[string]any, error) {
	out := make(map[string]any, len(values))
	others := len(values) // that are not declared
	for i := range fields {
		f := &fields[i]
		v, given := values[f.Name]
		if given {
			others--
		}
		if v == nil {
			if f.Required {
				return nil, &FieldError{f.Name, "is required: " + f.describe(), missingHint(f.Name, fields, values)}
			}
			if v = f.Default; v == nil {
				continue
			}
		}
		c, err := f.Check(v)
		if err != nil {
			return nil, under(f.Name, err)
		}
		out[f.Name] = c
	}
	if others == 0 {
		return out, nil
	}
	for _, key := range sortedKeys(values) {
		known := slices.ContainsFunc(fields, func(f Field) bool { return f.Name == key })
		if known || values[key] == nil {
			continue
		}
		if rest == nil {
			return nil, unknownKey(key, fields)
		}
		c, err := rest.Check(values[key])
		if err != nil {
			return nil, under(key, err)
		}
		out[key] = c
	}
	return out, nil
}

// Check verifies one value and returns its canonical form: numbers as
// float64, durations in seconds, percentages in percent, sizes in bytes. The
// error is a *FieldError without the field's own name.
func (f *Field) Check(v any) (any, error) {
	if s, ok := v.(Secret); ok {
		if !f.Secret {
			return nil, &FieldError{Problem: fmt.Sprintf("may not hold %s: the field is recorded and shown", s),
				Hint: "pass the secret to a field that is declared secret"}
		}
		return s, nil
	}
	if s, ok := v.(SecretDigest); ok && f.Secret {
		return s, nil // a read-only replay knows the digest only
	}
	if f.Secret && f.Type == String {
		if s, ok := v.(string); ok {
			return NewSecret(f.Name, s), nil
		}
	}
	switch f.Type {
	case Int, Number, Duration, Percent, Size:
		return f.checkNumber(v)
	case String, Enum:
		return f.checkString(v)
	case Bool:
		if b, ok := v.(bool); ok {
			return b, nil
		}
		return nil, f.wants(v)
	case List:
		return f.checkList(v)
	case Map:
		return f.checkMap(v)
	case Object:
		m, ok := asMap(v)
		if !ok {
			return nil, f.wants(v)
		}
		return CheckFields(f.Fields, nil, m)
	}
	if recordable(v, 0) {
		return v, nil
	}
	if _, err := Encode(v, nil); err != nil { // which says why
		return nil, &FieldError{Problem: strings.TrimPrefix(err.Error(), "encode value: ")}
	}
	return v, nil
}

func (f *Field) checkNumber(v any) (any, error) {
	n, err := parseNumber(f.Type, v)
	if err != nil {
		return nil, f.wants(v)
	}
	if math.IsNaN(n) || math.IsInf(n, 0) {
		return nil, &FieldError{Problem: fmt.Sprintf("is %v, which is not a number to work with", n)}
	}
	if f.Type == Int && n != math.Trunc(n) {
		return nil, f.wants(v)
	}
	if f.Type == Int && math.Abs(n) > maxExact {
		return nil, inexact(strconv.FormatFloat(n, 'f', -1, 64))
	}
	if (f.Type == Duration || f.Type == Size) && n < 0 {
		return nil, &FieldError{Problem: "may not be negative, got " + show(v)}
	}
	if f.Type == Size && n > maxExact {
		return nil, &FieldError{Problem: "is more than 8 PiB, beyond which bytes cannot be counted exactly: got " + show(v)}
	}
	if f.Type == Duration && n > maxDuration {
		return nil, &FieldError{Problem: "is " + tooLong + ": got " + show(v)}
	}
	if f.Min != nil && n < *f.Min || f.Max != nil && n > *f.Max {
		return nil, &FieldError{Problem: f.boundsText("must be") + ", got " + show(v)}
	}
	return n, nil
}

func (f *Field) checkString(v any) (any, error) {
	s, ok := v.(string)
	if !ok {
		return nil, f.wants(v)
	}
	if f.Type == Enum {
		for _, e := range f.Enum {
			if s == e {
				return s, nil
			}
		}
		return nil, &FieldError{Problem: fmt.Sprintf("must be one of %s, got %s", quoteAll(f.Enum), show(s)), Hint: DidYouMean(s, f.Enum)}
	}
	if f.Pattern != "" {
		re, err := regexp.Compile(`\A(?:` + f.Pattern + `)\z`)
		if err != nil {
			return nil, &FieldError{Problem: fmt.Sprintf("cannot be checked: its pattern %q is no regular expression", f.Pattern)}
		}
		if !re.MatchString(s) {
			return nil, &FieldError{Problem: fmt.Sprintf("must match %s, got %s", f.Pattern, show(s))}
		}
	}
	if n := float64(len(s)); f.Min != nil && n < *f.Min || f.Max != nil && n > *f.Max {
		return nil, &FieldError{Problem: f.boundsText("its length must be") + ", got " + show(s)}
	}
	return s, nil
}

func (f *Field) checkList(v any) (any, error) {
	l, ok := v.([]any)
	if m, isMap := v.(map[string]any); isMap && len(m) == 0 {
		l, ok = []any{}, true // Lua's {} is both
	}
	if !ok {
		e := f.wants(v)
		if f.Elem != nil {
			if _, err := f.Elem.Check(v); err == nil {
				e.Hint = "make it a list of one"
			}
		}
		return nil, e
	}
	if n := float64(len(l)); f.Min != nil && n < *f.Min || f.Max != nil && n > *f.Max {
		return nil, &FieldError{Problem: f.boundsText("its length must be") + fmt.Sprintf(", got %d", len(l))}
	}
	out := make([]any, len(l))
	for i, e := range l {
		c := e
		if f.Elem != nil {
			var err error
			if c, err = f.Elem.Check(e); err != nil {
				return nil, under(fmt.Sprintf("[%d]", i+1), err)
			}
		}
		out[i] = c
	}
	return out, nil
}

func (f *Field) checkMap(v any) (any, error) {
	m, ok := asMap(v)
	if !ok {
		return nil, f.wants(v)
	}
	out := make(map[string]any, len(m))
	for _, k := range sortedKeys(m) {
		c := m[k]
		if f.Elem != nil {
			var err error
			if c, err = f.Elem.Check(c); err != nil {
				return nil, under(k, err)
			}
		}
		out[k] = c
	}
	return out, nil
}

// verify reports what is wrong with the declaration.
func (f *Field) verify() error {
	if !types[f.Type] {
		return fmt.Errorf("field %s: unknown type %q", f.Name, f.Type)
	}
	if f.Pattern != "" {
		if _, err := regexp.Compile(f.Pattern); err != nil {
			return fmt.Errorf("field %s: %w", f.Name, err)
		}
	}
	if f.Type == Enum && len(f.Enum) == 0 {
		return fmt.Errorf("field %s: an enum without values", f.Name)
	}
	if f.Default != nil {
		if _, err := f.Check(f.Default); err != nil {
			return fmt.Errorf("field %s: its default: %w", f.Name, err)
		}
	}
	if f.Elem != nil {
		if err := f.Elem.verify(); err != nil {
			return fmt.Errorf("field %s: %w", f.Name, err)
		}
	}
	for i := range f.Fields {
		if err := f.Fields[i].verify(); err != nil {
			return fmt.Errorf("field %s: %w", f.Name, err)
		}
	}
	return nil
}

// Verify reports what is wrong with a set of declarations: runbook{} params
// and a backend's configuration pass through it.
func Verify(fields []Field) error {
	for i := range fields {
		if err := fields[i].verify(); err != nil {
			return err
		}
	}
	return nil
}

func (f *Field) wants(v any) *FieldError {
	return &FieldError{Problem: "wants " + f.describe() + ", got " + show(v)}
}

// describe says in words what the field takes.
func (f *Field) describe() string {
	switch f.Type {
	case Int:
		return "a whole number"
	case Number:
		return "a number"
	case Bool:
		return "true or false"
	case Duration:
		return `a duration like "15m"`
	case Percent:
		return `a percentage like 10 or "0.1%"`
	case Size:
		return `a size like "10MiB"`
	case Enum:
		return "one of " + quoteAll(f.Enum)
	case List:
		return "a list"
	case Map:
		return "a table"
	case Object:
		names := make([]string, len(f.Fields))
		for i := range f.Fields {
			names[i] = f.Fields[i].Name
		}
		return "a table with " + strings.Join(names, ", ")
	case Any:
		return "a value"
	}
	return "a " + string(f.Type)
}

func (f *Field) boundsText(verb string) string {
	switch {
	case f.Min != nil && f.Max != nil:
		return fmt.Sprintf("%s from %s to %s", verb, f.bound(*f.Min), f.bound(*f.Max))
	case f.Min != nil:
		return fmt.Sprintf("%s at least %s", verb, f.bound(*f.Min))
	}
	return fmt.Sprintf("%s at most %s", verb, f.bound(*f.Max))
}

// bound writes one of the field as a script would: "10ms" of a duration.
func (f *Field) bound(n float64) string {
	if f.Type == Duration {
		return FormatDuration(Seconds(n))
	}
	return fmt.Sprint(n)
}

func asMap(v any) (map[string]any, bool) {
	if l, ok := v.([]any); ok && len(l) == 0 {
		return map[string]any{}, true // Lua's {} is both
	}
	m, ok := v.(map[string]any)
	return m, ok
}

func unknownKey(key string, fields []Field) *FieldError {
	names := make([]string, len(fields))
	for i := range fields {
		names[i] = fields[i].Name
	}
	hint := DidYouMean(key, names)
	if hint == "" && len(names) > 0 {
		hint = "known: " + strings.Join(names, ", ")
	}
	return &FieldError{Path: Brief(key), Problem: "is not known here", Hint: hint}
}

// missingHint finds the misspelt key that was meant for a required field.
func missingHint(name string, fields []Field, values map[string]any) string {
	known := map[string]bool{}
	for i := range fields {
		known[fields[i].Name] = true
	}
	for _, k := range sortedKeys(values) {
		if near, ok := Nearest(k, []string{name}); ok && !known[k] {
			return fmt.Sprintf("you wrote %q, is it %q?", k, near)
		}
	}
	return ""
}

func under(name string, err error) error {
	var fe *FieldError
	if !errors.As(err, &fe) {
		return err
	}
	c := *fe
	switch {
	case c.Path == "":
		c.Path = name
	case strings.HasPrefix(c.Path, "["):
		c.Path = name + c.Path
	default:
		c.Path = name + "." + c.Path
	}
	return &c
}

func sortedKeys(m map[string]any) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}

func show(v any) string {
	switch v := v.(type) {
	case nil:
		return "nothing"
	case string:
		return Quote(v)
	case float64:
		return FormatNumber(v, -1)
	case []any:
		return "a list"
	case map[string]any:
		return "a table"
	}
	return fmt.Sprint(v)
}

// Quote returns a text in quotes, as an error shows it: not more of it than
// about a line.
func Quote(text string) string { return strconv.Quote(Brief(text)) }

// Brief returns as much of a text as a person reads within an error.
func Brief(text string) string {
	const most = 60
	if len(text) <= most {
		return text
	}
	end := most
	for end > most-utf8.UTFMax && !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end] + "…"
}

func quoteAll(list []string) string {
	q := make([]string, len(list))
	for i, s := range list {
		q[i] = fmt.Sprintf("%q", s)
	}
	return strings.Join(q, ", ")
}
