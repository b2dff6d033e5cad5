package config

import (
	"errors"
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// maxFile bounds the size of a file, in bytes; maxNodes bounds what aliases
// may expand it to, and maxNesting its depth.
const (
	maxFile    = 1 << 20
	maxNodes   = 100_000
	maxNesting = 32
)

// node is a value of a YAML document with its place. The document's own
// aliases are resolved, its keys are unique.
type node struct {
	line  int
	kind  string // "table", "list", "text", "number", "true or false", "nothing"
	value any    // of a scalar: nil, bool, float64 or string
	keys  []entry
	items []*node
}

// entry is one key of a table.
type entry struct {
	key   string
	line  int
	value *node
}

// child returns the value of a key, or nil.
func (n *node) child(key string) *node {
	for _, e := range n.keys {
		if e.key == key {
			return e.value
		}
	}
	return nil
}

// plain returns the value as plain data.
func (n *node) plain() any {
	switch n.kind {
	case "table":
		out := make(map[string]any, len(n.keys))
		for _, e := range n.keys {
			out[e.key] = e.value.plain()
		}
		return out
	case "list":
		out := make([]any, len(n.items))
		for i, item := range n.items {
			out[i] = item.plain()
		}
		return out
	}
	return n.value
}

// lineOf returns the line of the value that a path like "targets.green.url"
// or "hosts[2]" leads to, or of the nearest value above it that exists. Keys
// may hold dots themselves; the longest that fits counts.
func (n *node) lineOf(path string) int {
	path = strings.TrimPrefix(path, ".")
	var best *entry
	for i := range n.keys {
		e := &n.keys[i]
		rest, ok := strings.CutPrefix(path, e.key)
		if ok && (rest == "" || rest[0] == '.' || rest[0] == '[') && (best == nil || len(e.key) > len(best.key)) {
			best = e
		}
	}
	if best != nil {
		rest := path[len(best.key):]
		if rest == "" || best.value.keys == nil && best.value.items == nil {
			return best.line
		}
		return best.value.lineOf(rest)
	}
	if end := strings.IndexByte(path, ']'); strings.HasPrefix(path, "[") && end > 0 {
		if i, err := strconv.Atoi(path[1:end]); err == nil && i >= 1 && i <= len(n.items) {
			return n.items[i-1].lineOf(path[end+1:])
		}
	}
	return n.line
}

// readFile reads a file of bounded size.
func readFile(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a regular file", path)
	}
	if info.Size() > maxFile {
		return nil, fmt.Errorf("%s is larger than %d bytes", path, maxFile)
	}
	return os.ReadFile(path)
}

// parseYAML reads one document; nil for an empty one. JSON is YAML, too.
func parseYAML(file string, text []byte) (*node, error) {
	var doc yaml.Node
	if len(text) > maxFile {
		return nil, errorf(effect.Position{File: file, Line: 1}, "", "the file is larger than %d bytes", maxFile)
	}
	if blank(text) {
		return nil, nil
	}
	if err := yaml.Load(text, &doc); err != nil {
		return nil, yamlError(file, err)
	}
	r := &yamlReader{file: file, left: maxNodes}
	root := r.read(&doc, 0)
	if err := r.err(); err != nil {
		return nil, err
	}
	return root, nil
}

// blank reports whether a file holds nothing but comments and markers.
func blank(text []byte) bool {
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if line != "" && line[0] != '#' && line != "---" && line != "..." {
			return false
		}
	}
	return true
}

// yamlError gives the library's error our form.
func yamlError(file string, err error) error {
	var le *yaml.LoadError
	if !errors.As(err, &le) {
		return errorf(effect.Position{File: file, Line: 1}, "", "the file is not YAML that can be read: %v", err)
	}
	hint := ""
	if strings.Contains(le.Message, "tab") || strings.Contains(le.Message, "cannot start any token") {
		hint = "YAML is indented by spaces, never by tabs; texts with special characters need quotes"
	}
	return errorf(effect.Position{File: file, Line: max(le.Mark.Line, 1)}, hint, "the file is not YAML that can be read: %s", le.Message)
}

// yamlReader turns the library's nodes into ours.
type yamlReader struct {
	problems
	file string
	left int // nodes that may still be read
}

func (r *yamlReader) at(n *yaml.Node) effect.Position {
	return effect.Position{File: r.file, Line: max(n.Line, 1)}
}

func (r *yamlReader) read(n *yaml.Node, depth int) *node {
	out := &node{line: max(n.Line, 1), kind: "nothing"}
	r.left--
	if r.left < 0 || depth > maxNesting {
		if len(r.list) == 0 {
			r.add(r.at(n), "", "the document is nested too deeply or too large")
		}
		return out
	}
	switch n.Kind {
	case yaml.DocumentNode:
		if len(n.Content) > 0 {
			return r.read(n.Content[0], depth)
		}
	case yaml.AliasNode:
		if n.Alias != nil {
			target := r.read(n.Alias, depth+1)
			target.line = out.line
			return target
		}
	case yaml.SequenceNode:
		out.kind = "list"
		for _, c := range n.Content {
			out.items = append(out.items, r.read(c, depth+1))
		}
	case yaml.MappingNode:
		out.kind = "table"
		r.table(n, out, depth)
	case yaml.ScalarNode:
		r.scalar(n, out)
	}
	return out
}

func (r *yamlReader) table(n *yaml.Node, out *node, depth int) {
	first := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		if key.Kind == yaml.AliasNode && key.Alias != nil {
			key = key.Alias
		}
		switch {
		case key.Kind != yaml.ScalarNode:
			r.add(r.at(key), "", "a key has to be a text")
			continue
		case key.ShortTag() == "!!merge":
			r.add(r.at(key), "write the keys out, or let an environment extend another", "merging by << is not supported")
			continue
		case key.ShortTag() != "!!str":
			r.add(r.at(key), fmt.Sprintf("put it in quotes: %q", key.Value), "the key %s is not a text", key.Value)
			continue
		}
		if line, dup := first[key.Value]; dup {
			r.add(r.at(key), "keep one of them", "%s is given twice, first in line %d", key.Value, line)
			continue
		}
		first[key.Value] = key.Line
		out.keys = append(out.keys, entry{key.Value, max(key.Line, 1), r.read(n.Content[i+1], depth+1)})
	}
}

func (r *yamlReader) scalar(n *yaml.Node, out *node) {
	switch tag := n.ShortTag(); tag {
	case "!!null":
	case "!!str", "!!timestamp":
		out.kind, out.value = "text", n.Value
	case "!!bool":
		var b bool
		if err := n.Decode(&b); err != nil {
			r.add(r.at(n), "", "%q is neither true nor false", n.Value)
			return
		}
		out.kind, out.value = "true or false", b
	case "!!int", "!!float":
		var f float64
		if err := n.Decode(&f); err != nil || math.IsNaN(f) || math.IsInf(f, 0) {
			r.add(r.at(n), "put it in quotes if it is meant as a text", "%s is not a number to work with", n.Value)
			return
		}
		if math.Abs(f) >= 1<<53 && (tag == "!!int" || !strings.ContainsAny(n.Value, ".eE")) {
			r.add(r.at(n), "put it in quotes if it is meant as a text", "%s is too large to be kept exactly", n.Value)
			return
		}
		out.kind, out.value = "number", f
	default:
		r.add(r.at(n), "leave the tag out", "the tag %s is not supported", tag)
	}
}
