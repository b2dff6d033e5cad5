package journal

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// identity is which file stands at a path, and how long it is.
type identity struct {
	dev, ino uint64
	size     int64
}

// same reports whether both are one file.
func (i identity) same(as identity) bool { return i.dev == as.dev && i.ino == as.ino }

// stat finds out about the file at path as every system can.
func stat(path string) (identity, error) {
	info, err := os.Stat(path)
	if err != nil {
		return identity{}, err
	}
	sys, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return identity{}, fmt.Errorf("stat %s: %w", path, errors.ErrUnsupported)
	}
	return identity{uint64(sys.Dev), sys.Ino, info.Size()}, nil
}
