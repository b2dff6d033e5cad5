//go:build !linux

package database

import (
	"errors"
	"io/fs"
	"os"
)

// Place gives a directory its name, unless the name is taken.
func Place(from, to string) error {
	if _, err := os.Lstat(to); err == nil {
		return fs.ErrExist
	}
	return os.Rename(from, to)
}

// Exchange is not to be had here.
func Exchange(string, string) error {
	return errors.New("this system cannot exchange files in one step")
}
