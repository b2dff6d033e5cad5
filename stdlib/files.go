package stdlib

import "github.com/q-ecosystem/runbook/interpreter/effect"

// Files declares looking at the runner's files and keeping copies of them, as
// after an incident.
func Files() effect.Module {
	return effect.Module{Name: "files", Doc: "Hash, search and archive files.", Ops: []effect.Op{
		{Module: "files", Name: "hash", Doc: "Hash a file, or all files of a directory in the order of their names", Class: effect.Read,
			Args: []effect.Field{need("path", "the file or directory"), choice("algorithm", "which hash", true, "sha256", "sha512"),
				text("expect", "the hash that it has to have, in hexadecimal; another one is an error"), within("10m")},
			Returns: []effect.Field{text("hash", "in hexadecimal"), field("size", effect.Size, "of all files"), field("files", effect.Int, "how many files")}},
		{Module: "files", Name: "search", Doc: "Find the lines that match an expression", Class: effect.Read,
			Args: []effect.Field{needTexts("paths", "files, directories or patterns like /var/log/*.log"), need("pattern", "a regular expression (RE2)"),
				field("since", effect.Duration, "only files that changed within this time"),
				{Name: "max", Type: effect.Int, Default: 1000.0, Min: effect.Bound(1), Doc: "how many lines to return at most"}, within("10m")},
			Returns: []effect.Field{objects("matches", "by file and line", text("file", "where"), field("line", effect.Int, "1 for the first"), text("text", "the line")),
				field("count", effect.Int, "how many are returned"), field("truncated", effect.Bool, "whether there were more")}},
		{Module: "files", Name: "archive", Doc: "Copy files into a compressed archive, which appears complete or not at all", Class: effect.Write, Recovery: effect.Retry,
			Args: []effect.Field{needTexts("paths", "files, directories or patterns"), need("to", "the archive: a path ending in .tar.gz"),
				field("since", effect.Duration, "only files that changed within this time"), within("1h")},
			Returns: []effect.Field{text("path", "the archive"), field("files", effect.Int, "how many files are in it"),
				field("size", effect.Size, "of the archive"), text("sha256", "of the archive")}},
	}}
}
