package importer

import (
	"fmt"
	"slices"
	"strings"

	"github.com/q-ecosystem/runbook/interpreter/lazyregexp"
)

// assign takes an assignment in: the variable is a parameter from here on, and of one
// that is exported all commands of the block have it.
func (im *importer) assign(name, value string, exported bool) {
	param := im.parameter(name, value)
	said := "-- " + name + " is the parameter " + param
	if exported {
		said += ", for all commands of this block"
		if !slices.Contains(im.exported, name) {
			im.exported = append(im.exported, name)
		}
	}
	im.add(false, said)
}

// parameter returns the parameter that takes the place of a variable; of one that has
// another value than before ("" if none is known) it is another one.
func (im *importer) parameter(variable, value string) string {
	base := paramOf(variable)
	param := base
	for i := 2; im.params[param] != "" && value != "" && im.params[param] != value; i++ {
		param = fmt.Sprintf("%s_%d", base, i)
	}
	if known := im.params[param]; known == "" {
		im.params[param] = value
	}
	im.names[variable] = param
	return param
}

// paramOf names the parameter of a variable.
func paramOf(variable string) string {
	name := strings.ToLower(variable)
	if slices.Contains([]string{"and", "break", "do", "else", "elseif", "end", "false", "for", "function", "if", "in", "local", "nil", "not", "or",
		"repeat", "return", "then", "true", "until", "while"}, name) {
		name += "_"
	}
	return name
}

var (
	exports = lazyregexp.New(`^export(\s+[A-Za-z_][A-Za-z0-9_]*=(?:"[^"$` + "`" + `]*"|'[^']*'|[^\s"'$` + "`" + `]*)){2,}$`)
	pair    = lazyregexp.New(`[A-Za-z_][A-Za-z0-9_]*=(?:"[^"]*"|'[^']*'|\S*)`)
)

// apart makes a command of each variable that one exports.
func apart(commands []string) []string {
	var list []string
	for _, c := range commands {
		if !exports.MatchString(c) {
			list = append(list, c)
			continue
		}
		for _, p := range pair.FindAllString(strings.TrimPrefix(c, "export"), -1) {
			list = append(list, "export "+p)
		}
	}
	return list
}
