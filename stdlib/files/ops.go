package files

import (
	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/stdlib/internal/field"
)

// Module returns what there is under the name files.
func Module() effect.Module {
	since := field.Of("since", effect.Duration, "only files that changed within this time")
	moment := func(name, doc string) effect.Field {
		return field.Of(name, effect.Any, doc+", as now() returns it or in the form 2026-01-31T03:00:00Z")
	}
	search := effect.Op{Module: "files", Name: "search", Class: effect.Read,
		Doc: "Find the lines that match an expression, in text files and those that end in .gz; no link in a directory is followed",
		Args: []effect.Field{field.NeedTexts("paths", "files, directories or patterns like /var/log/*.log"), field.Need("pattern", "a regular expression (RE2)"),
			since,
			moment("from", "only lines from this moment on; a line without a time has that of the line before"),
			moment("to", "only lines up to this moment"),
			{Name: "max", Type: effect.Int, Default: 1000.0, Min: effect.Bound(1), Doc: "how many lines to return at most"}, field.Timeout("10m")},
		Returns: []effect.Field{
			field.Objects("matches", "by file and line", field.Text("file", "where"), field.Of("line", effect.Int, "1 for the first"),
				field.Text("text", "the line, at most 4 KiB of it"), field.Of("time", effect.Number, "its time in seconds since 1970, where from or to asked for it")),
			field.Of("count", effect.Int, "how many are returned"), field.Of("truncated", effect.Bool, "whether there were more"),
			field.Of("files", effect.Int, "how many files were searched")}}
	search.Validate = func(args map[string]any) error {
		for _, name := range []string{"from", "to"} {
			if v, given := args[name]; given {
				if _, err := ParseTime(v); err != nil {
					return &effect.FieldError{Path: name, Problem: err.Error()}
				}
			}
		}
		return nil
	}
	return effect.Module{Name: "files", Doc: "Hash, search and archive files.",
		Model: func() effect.Model { return NewModel() }, Scenario: scenario(), Invariants: invariants(),
		Ops: []effect.Op{
			{Module: "files", Name: "hash", Class: effect.Read,
				Doc: "Hash a file, or a directory: then the hash of the list that sha256sum prints of its files in the order of their names (./a/b)",
				Args: []effect.Field{field.Need("path", "the file or directory"), field.Choice("algorithm", "which hash", true, "sha256", "sha512"),
					field.Text("expect", "the hash that it has to have, in hexadecimal; another one is an error"), field.Timeout("10m")},
				Returns: []effect.Field{field.Text("hash", "in hexadecimal"), field.Of("size", effect.Size, "of all files"), field.Of("files", effect.Int, "how many files")}},
			search,
			{Module: "files", Name: "archive", Class: effect.Write, Recovery: effect.Observe,
				Doc: "Copy files into a compressed archive with a list of their hashes (MANIFEST.sha256); it appears complete or not at all, and takes no other file's place",
				Args: []effect.Field{field.NeedTexts("paths", "files, directories or patterns"),
					{Name: "to", Type: effect.String, Required: true, Pattern: `[\s\S]+\.(tar\.gz|tgz)`, Doc: "the archive: a path ending in .tar.gz or .tgz"},
					since, field.Timeout("1h")},
				Returns: []effect.Field{field.Text("path", "the archive"), field.Of("files", effect.Int, "how many files are in it"),
					field.Of("size", effect.Size, "of the archive"), field.Text("sha256", "of the archive")}},
		}}
}
