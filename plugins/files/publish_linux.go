package files

import (
	"errors"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// place gives a file its name in one step, unless the name is taken; done is
// false where the file system cannot.
func (t *target) place(dir *os.File, hidden string) (done bool, err error) {
	fd := int(dir.Fd())
	err = unix.Renameat2(fd, hidden, fd, t.base, unix.RENAME_NOREPLACE)
	switch {
	case errors.Is(err, unix.EEXIST):
		return true, fs.ErrExist
	case errors.Is(err, unix.EINVAL), errors.Is(err, unix.ENOSYS), errors.Is(err, unix.ENOTSUP):
		return false, nil
	}
	return true, err
}
