package host

import (
	"fmt"
	"strings"
)

// PinError refuses the executable of a plugin that is not the one that the
// operator pinned by its digest.
type PinError struct {
	Backend string
	Path    string
	Got     string // the file's SHA-256 in hex; empty if it was not looked at
	Want    string // the pinned one; empty if there is none
}

// Error names the file and both digests.
func (e *PinError) Error() string {
	if e.Want == "" {
		return fmt.Sprintf("backend %s: %s is not pinned: its sha256 has to stand in the configuration", e.Backend, e.Path)
	}
	return fmt.Sprintf("plugin %s is not the file that was pinned: its sha256 is %s, the configuration says %s; if you changed it on purpose, pin the new one", e.Path, e.Got, strings.ToLower(e.Want))
}
