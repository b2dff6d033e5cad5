package host

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// executable is a file to start, held open so that what is executed is what was
// looked at, even if the file is replaced meanwhile.
type executable struct {
	name string   // for people and as the program's own name
	exec string   // the path to execute
	file *os.File // nil for this program itself
}

// close lets go of the file; the process that was started keeps it.
func (e *executable) close() {
	if e.file != nil {
		_ = e.file.Close()
	}
}

// selfExecutable returns this program. On Linux that is the file that is running,
// not the one that an upgrade may have put in its place.
func selfExecutable() (*executable, error) {
	name, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program's own executable: %w", err)
	}
	bin := &executable{name: strings.TrimSuffix(name, " (deleted)"), exec: name}
	if path := fmt.Sprintf("/proc/%d/exe", os.Getpid()); reachable(path) {
		bin.exec = path
	}
	return bin, nil
}

// pinnedExecutable opens the executable at path, which nobody else may be able to
// write, and refuses it unless its digest is want.
func pinnedExecutable(path, want string) (*executable, error) {
	if err := trusted(path, filepath.Dir(path)); err != nil {
		return nil, err
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open plugin: %w", err)
	}
	got, err := digest(file)
	if err != nil {
		_ = file.Close()
		return nil, err
	}
	if !strings.EqualFold(got, want) {
		_ = file.Close()
		return nil, &PinError{Path: path, Got: got, Want: want}
	}
	bin := &executable{name: path, exec: path, file: file}
	if open := fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), file.Fd()); reachable(open) {
		bin.exec = open
	}
	return bin, nil
}

// digest returns the SHA-256 of the rest of the file, in hex.
func digest(file *os.File) (string, error) {
	h := sha256.New()
	if _, err := io.Copy(h, file); err != nil {
		return "", fmt.Errorf("hash plugin %s: %w", file.Name(), err)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// reachable reports whether a path of Linux's /proc can be executed by.
func reachable(path string) bool {
	if runtime.GOOS != "linux" {
		return false
	}
	_, err := os.Stat(path)
	return err == nil
}
