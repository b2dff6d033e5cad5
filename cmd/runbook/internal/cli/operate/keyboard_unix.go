//go:build unix

package operate

import (
	"errors"
	"io"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// keyboard is what somebody types at a terminal, a line at a time. Nothing is
// read from it but while its process is in the foreground: the kernel stops
// others that try.
type keyboard struct{ fd int }

func newKeyboard(terminal *os.File) *keyboard { return &keyboard{int(terminal.Fd())} }

// line returns what was typed, up to the first line's end, or "" if nothing has
// been in the time. The error says that nothing will come any more.
func (k *keyboard) line(patience time.Duration) (string, error) {
	ready, err := k.ready(patience)
	if !ready || err != nil {
		return "", err
	}
	buf := make([]byte, 4096) // the longest line of a terminal
	n, err := unix.Read(k.fd, buf)
	switch {
	case errors.Is(err, unix.EINTR), errors.Is(err, unix.EAGAIN):
		return "", nil
	case err != nil:
		return "", err
	case n == 0: // Ctrl-D
		return "", io.EOF
	}
	return string(buf[:n]), nil
}

// ready waits until a line can be read.
func (k *keyboard) ready(patience time.Duration) (bool, error) {
	owner, err := unix.IoctlGetInt(k.fd, unix.TIOCGPGRP)
	if err != nil {
		return false, err
	}
	if owner != unix.Getpgrp() {
		time.Sleep(patience)
		return false, nil
	}
	fds := []unix.PollFd{{Fd: int32(k.fd), Events: unix.POLLIN}}
	n, err := unix.Poll(fds, int(patience.Milliseconds()))
	if err != nil && !errors.Is(err, unix.EINTR) {
		return false, err
	}
	return n > 0 && err == nil, nil
}

// discard forgets the lines that were typed so far.
func (k *keyboard) discard() {
	for {
		if ready, err := k.ready(0); !ready || err != nil {
			return
		}
		if _, err := k.line(0); err != nil {
			return
		}
	}
}
