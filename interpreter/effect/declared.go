package effect

import (
	"strconv"
	"strings"
)

// ParseDeclared reads what a call is said to set in the simulated world, beside
// what its own module's model knows: "traffic.weights.green = 10", or
// `traffic.weights["green.eu"] = 10`. It returns the path, the module first, and
// a bool, a float64 or a string. The error is a *FieldError.
func ParseDeclared(text string) (path []string, value any, err error) {
	bad := func(problem string) ([]string, any, error) {
		return nil, nil, &FieldError{Problem: strconv.Quote(text) + " " + problem, Hint: `write "traffic.weights.green = 10"`}
	}
	left, right, ok := strings.Cut(text, "=")
	left, right = strings.TrimSpace(left), strings.TrimSpace(right)
	if !ok || left == "" || right == "" {
		return bad("says nothing of the form MODULE.PATH = VALUE")
	}
	for left != "" {
		if rest, bracket := strings.CutPrefix(left, "["); bracket {
			end := strings.Index(rest, "]")
			if end < 0 {
				return bad("has a [ without ]")
			}
			path, left = append(path, strings.Trim(rest[:end], `"'`)), strings.TrimPrefix(rest[end+1:], ".")
			continue
		}
		end := strings.IndexAny(left, ".[")
		if end < 0 {
			end = len(left)
		}
		path = append(path, left[:end])
		left = strings.TrimPrefix(left[end:], ".")
	}
	for _, name := range path {
		if name == "" {
			return bad("has an empty name in its path")
		}
	}
	if len(path) < 2 {
		return bad("names a module and nothing in it")
	}
	return path, scalar(right), nil
}

// scalar reads a value as people write it.
func scalar(text string) any {
	if n, err := strconv.ParseFloat(text, 64); err == nil {
		return n
	}
	switch text {
	case "true":
		return true
	case "false":
		return false
	}
	if n := len(text); n > 1 && (text[0] == '"' || text[0] == '\'') && text[n-1] == text[0] {
		return text[1 : n-1]
	}
	return text
}
