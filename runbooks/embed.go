// Package runbooks holds the runbooks that are shipped with the program.
package runbooks

import "embed"

// Files are the runbooks, by file name.
//
//go:embed *.lua lib/*.lua
var Files embed.FS
