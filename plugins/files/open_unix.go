//go:build unix

package files

import "golang.org/x/sys/unix"

const nonblock = unix.O_NONBLOCK
