package app

import (
	"os"
	"os/user"
	"strings"
)

// StandardInput stands for a file that is given on standard input.
const StandardInput = "-"

// Operator is who types: user@host.
func Operator() string {
	name := User()
	if host, err := os.Hostname(); err == nil {
		name += "@" + host
	}
	return name
}

// User is the operating system's name of whoever runs this program: of the
// person that sudo was called by, where it has given them another account. People
// who share the account that owns the journal stay apart by that.
func User() string {
	now, err := user.Current()
	if err != nil {
		return "unknown"
	}
	if by := lender(now); by != "" {
		return by
	}
	return now.Username
}

// lender is who called sudo for the account of now; "" if nobody did.
func lender(now *user.User) string {
	if id := os.Getenv("SUDO_UID"); id != "" && id != now.Uid {
		if by, err := user.LookupId(id); err == nil && by.Username == os.Getenv("SUDO_USER") {
			return by.Username
		}
	}
	return ""
}

// lentTo is the account that sudo runs this very program as for somebody else, so
// that they type sudo again in front of what they copy; "" in a shell that sudo has
// begun.
func lentTo() string {
	now, err := user.Current()
	if err != nil || lender(now) == "" {
		return ""
	}
	called, _, _ := strings.Cut(os.Getenv("SUDO_COMMAND"), " ")
	if self, err := os.Executable(); err != nil || called == "" || !sameFile(called, self) {
		return ""
	}
	return now.Username
}

// ByInput says how a file is given to a flag that cannot be read by its name.
func ByInput(flag string) string {
	if account := lentTo(); account != "" {
		return flag + " - <FILE hands over what you may read and " + account + " may not"
	}
	return flag + " - reads standard input"
}
