package main

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// directory is the real system: a file a flag.
type directory string

func (d directory) there() error {
	_, err := os.ReadDir(string(d))
	return err
}

// read returns 0 of a flag that was never set.
func (d directory) read(flag string) (float64, error) {
	text, err := os.ReadFile(filepath.Join(string(d), flag))
	if os.IsNotExist(err) {
		return 0, nil
	} else if err != nil {
		return 0, err
	}
	return strconv.ParseFloat(strings.TrimSpace(string(text)), 64)
}

// write lets readers see the old value or the new one, and nothing between.
func (d directory) write(flag string, percent float64) error {
	next, err := os.CreateTemp(string(d), "."+flag+".*")
	if err != nil {
		return err
	}
	defer os.Remove(next.Name()) // which is gone where all went well
	_, err = next.WriteString(strconv.FormatFloat(percent, 'g', -1, 64) + "\n")
	if err = errors.Join(err, next.Chmod(0o644), next.Sync(), next.Close()); err != nil {
		return err
	}
	return os.Rename(next.Name(), filepath.Join(string(d), flag))
}
