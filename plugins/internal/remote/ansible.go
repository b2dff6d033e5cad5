package remote

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"
)

// readAnsible reads an inventory file of Ansible: names and ranges of hosts,
// groups with their children, and of the variables those that say how a host is
// reached. Plain variables beyond these become labels. Files beside it
// (group_vars) are not read, nothing is executed, and no template filled in.
func (v *inventory) readAnsible(file string) error {
	data, err := os.ReadFile(file)
	if err != nil {
		return invalid("inventory: %v", err)
	}
	r := &ansible{v, file}
	switch ext := filepath.Ext(file); {
	case ext == ".yml" || ext == ".yaml":
		err = r.yaml(data)
	case bytes.HasPrefix(data, []byte("#!")):
		err = fmt.Errorf("it is a program, and programs are not run here: write its output to a file")
	default:
		err = r.ini(string(data))
	}
	if err != nil {
		return invalid("inventory %s: %v", file, err)
	}
	return nil
}

// ansible reads one file into an inventory.
type ansible struct {
	*inventory
	file string
}

// ini reads the form with [sections].
func (r *ansible) ini(text string) error {
	section, kind := "ungrouped", ""
	for i, line := range strings.Split(text, "\n") {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' || line[0] == ';' {
			continue
		}
		if err := r.iniLine(line, &section, &kind); err != nil {
			return fmt.Errorf("line %d: %w", i+1, err)
		}
	}
	return nil
}

func (r *ansible) iniLine(line string, section, kind *string) error {
	if line[0] == '[' {
		name, rest, closed := strings.Cut(line[1:], "]")
		if rest = strings.TrimSpace(rest); !closed || rest != "" && rest[0] != '#' && rest[0] != ';' {
			return fmt.Errorf("%q is no section", line)
		}
		*section, *kind, _ = strings.Cut(name, ":")
		if *kind != "" && *kind != "children" && *kind != "vars" || *section == "" {
			return fmt.Errorf("[%s] is no kind of section: there are [NAME], [NAME:children] and [NAME:vars]", name)
		}
		r.group(*section)
		return nil
	}
	switch *kind {
	case "children":
		child, _, _ := strings.Cut(line, "#")
		child = strings.TrimSpace(child)
		r.group(child)
		r.group(*section).children[child] = true
		return nil
	case "vars":
		name, value, ok := strings.Cut(line, "=")
		if !ok {
			return fmt.Errorf("%q sets no variable: write name=value", line)
		}
		words, err := split(strings.TrimSpace(value))
		if err != nil {
			return err
		}
		return r.set(r.group(*section), strings.TrimSpace(name), strings.Join(words, " "))
	}
	words, err := split(line)
	if err != nil || len(words) == 0 {
		return err
	}
	names, err := expand(words[0])
	if err != nil {
		return err
	}
	for _, name := range names {
		host, port := name, ""
		if h, p, ok := strings.Cut(name, ":"); ok && !strings.Contains(p, ":") {
			host, port = h, p
		}
		e := r.host(host)
		r.group(*section).members[host] = true
		if port != "" {
			if err := r.set(e, "ansible_port", port); err != nil {
				return err
			}
		}
		for _, word := range words[1:] {
			name, value, ok := strings.Cut(word, "=")
			if !ok {
				return fmt.Errorf("%q sets no variable of %s: write name=value", word, host)
			}
			if err := r.set(e, name, value); err != nil {
				return err
			}
		}
	}
	return nil
}

// set takes a variable of a host or a group.
func (r *ansible) set(e *entry, name, value string) error {
	template := strings.Contains(value, "{{")
	switch name {
	case "ansible_host", "ansible_ssh_host":
		e.address = value
	case "ansible_user", "ansible_ssh_user":
		e.user = value
	case "ansible_port", "ansible_ssh_port":
		port, err := strconv.Atoi(value)
		if err != nil || port < 1 || port > 65535 {
			return fmt.Errorf("%s=%s is no port", name, value)
		}
		e.port = port
	case "ansible_ssh_private_key_file", "ansible_private_key_file":
		if rest, ok := strings.CutPrefix(value, "~/"); ok {
			home, _ := os.UserHomeDir()
			value = filepath.Join(home, rest)
		} else if !filepath.IsAbs(value) {
			value = filepath.Join(filepath.Dir(r.file), value)
		}
		e.keys = []string{value}
	case "ansible_become":
		e.become = "false"
		if slices.Contains([]string{"true", "yes", "1", "on"}, strings.ToLower(value)) {
			e.become = "true"
		}
		template = false
	case "ansible_become_user":
		e.becomeUser = value
	case "ansible_ssh_common_args", "ansible_ssh_extra_args":
		e.via = jumps(value)
		template = false
	default:
		if !strings.HasPrefix(name, "ansible_") && !template {
			e.labels[name] = value
		}
		template = false
	}
	if template {
		return fmt.Errorf("%s is a template, which is not filled in here: write its value", name)
	}
	return nil
}

// jumps finds the jump hosts among options of ssh.
func jumps(options string) []string {
	words, _ := split(options)
	for i, w := range words {
		value, ok := strings.CutPrefix(w, "-oProxyJump=")
		if !ok {
			value, ok = strings.CutPrefix(w, "ProxyJump=")
		}
		if !ok && w == "-J" && i+1 < len(words) {
			value, ok = words[i+1], true
		} else if rest, isJump := strings.CutPrefix(w, "-J"); !ok && isJump && rest != "" {
			value, ok = rest, true
		}
		if ok && value != "none" {
			return strings.Split(value, ",")
		}
	}
	return nil
}

// split divides a line into words as a shell does: quotes, backslashes, and a
// comment at the end.
func split(line string) ([]string, error) {
	var words []string
	var word strings.Builder
	in, quote := false, rune(0)
	escaped := false
	for _, c := range line {
		switch {
		case escaped:
			word.WriteRune(c)
			escaped = false
		case c == '\\' && quote != '\'':
			escaped, in = true, true
		case quote != 0:
			if c == quote {
				quote = 0
			} else {
				word.WriteRune(c)
			}
		case c == '"' || c == '\'':
			quote, in = c, true
		case c == '#' && !in:
			return words, nil
		case c == ' ' || c == '\t':
			if in {
				words, in = append(words, word.String()), false
				word.Reset()
			}
		default:
			word.WriteRune(c)
			in = true
		}
	}
	if quote != 0 || escaped {
		return nil, fmt.Errorf("a quote is not closed in %q", line)
	}
	if in {
		words = append(words, word.String())
	}
	return words, nil
}

// yaml reads the form with hosts, children and vars.
func (r *ansible) yaml(data []byte) error {
	var doc map[string]yamlGroup
	if err := yaml.Unmarshal(data, &doc); err != nil {
		return err
	}
	for _, name := range sorted(doc) {
		if err := r.yamlGroup(name, doc[name]); err != nil {
			return err
		}
	}
	return nil
}

type yamlGroup struct {
	Hosts    map[string]map[string]any `yaml:"hosts"`
	Children map[string]yamlGroup      `yaml:"children"`
	Vars     map[string]any            `yaml:"vars"`
}

func (r *ansible) yamlGroup(name string, g yamlGroup) error {
	e := r.group(name)
	for _, pattern := range sorted(g.Hosts) {
		hosts, err := expand(pattern)
		if err != nil {
			return err
		}
		for _, host := range hosts {
			e.members[host] = true
			if err := r.setAll(r.host(host), g.Hosts[pattern], "host "+host); err != nil {
				return err
			}
		}
	}
	for _, child := range sorted(g.Children) {
		e.children[child] = true
		if err := r.yamlGroup(child, g.Children[child]); err != nil {
			return err
		}
	}
	return r.setAll(e, g.Vars, "group "+name)
}

func (r *ansible) setAll(e *entry, vars map[string]any, where string) error {
	for _, name := range sorted(vars) {
		switch value := vars[name].(type) {
		case string, int, bool, float64:
			if err := r.set(e, name, fmt.Sprint(value)); err != nil {
				return fmt.Errorf("%s: %w", where, err)
			}
		}
	}
	return nil
}

// expand writes out the ranges of a pattern: web[01:03], db-[a:c], x[0:10:5].
func expand(pattern string) ([]string, error) {
	before, rest, ok := strings.Cut(pattern, "[")
	if !ok {
		return []string{pattern}, nil
	}
	inside, after, ok := strings.Cut(rest, "]")
	bounds := strings.Split(inside, ":")
	if !ok || len(bounds) < 2 || len(bounds) > 3 {
		return nil, fmt.Errorf("%q holds no range that can be read: write web[01:03] or db-[a:c]", pattern)
	}
	step := 1
	if len(bounds) == 3 {
		if n, err := strconv.Atoi(bounds[2]); err == nil {
			step = n
		}
	}
	from, err1 := strconv.Atoi(bounds[0])
	to, err2 := strconv.Atoi(bounds[1])
	write := func(n int) string { return fmt.Sprintf("%0*d", len(bounds[0]), n) }
	if bounds[0] == "" {
		from, err1 = 0, nil
		write = strconv.Itoa
	}
	if len(bounds[0]) == 1 && len(bounds[1]) == 1 && err1 != nil && err2 != nil { // letters
		from, to, err1, err2 = int(bounds[0][0]), int(bounds[1][0]), nil, nil
		write = func(n int) string { return string(rune(n)) }
	}
	if err1 != nil || err2 != nil || step < 1 || from > to || (to-from)/step >= 10000 {
		return nil, fmt.Errorf("%q holds no range that can be read: write web[01:03] or db-[a:c]", pattern)
	}
	tails, err := expand(after)
	if err != nil {
		return nil, err
	}
	var names []string
	for n := from; n <= to; n += step {
		for _, tail := range tails {
			names = append(names, before+write(n)+tail)
		}
	}
	return names, nil
}
