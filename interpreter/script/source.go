package script

import "strings"

// Source is one Lua file.
type Source struct {
	Name string // as messages show it: "blue-green.lua", "lib/slo.lua"
	Text []byte
}

// Loader finds the files that a script requires.
type Loader interface {
	// Load returns the source of a module named as in require: "lib.slo" is
	// the file lib/slo.lua beside the script. For a module that does not exist
	// the error satisfies errors.Is(err, fs.ErrNotExist).
	Load(module string) (Source, error)
}

// FileName returns the name of the file that holds a module: "lib/slo.lua" for
// "lib.slo". It always uses slashes.
func FileName(module string) string {
	return strings.ReplaceAll(module, ".", "/") + ".lua"
}
