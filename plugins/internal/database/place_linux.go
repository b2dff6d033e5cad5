package database

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// Place gives a directory its name in one step, unless the name is taken.
func Place(from, to string) error {
	return rename(from, to, unix.RENAME_NOREPLACE)
}

// Exchange lets two files change names in one step.
func Exchange(a, b string) error {
	return rename(a, b, unix.RENAME_EXCHANGE)
}

func rename(from, to string, how uint) error {
	err := unix.Renameat2(unix.AT_FDCWD, from, unix.AT_FDCWD, to, how)
	if err == nil {
		return nil
	}
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOSYS) {
		return errors.New("its file system cannot exchange files in one step")
	}
	return &os.LinkError{Op: "rename", Old: from, New: to, Err: err}
}
