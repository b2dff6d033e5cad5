//go:build !unix

package operate

import (
	"io"
	"os"
	"time"
)

// keyboard is not there on this system: questions are answered by commands.
type keyboard struct{}

func newKeyboard(*os.File) *keyboard { return nil }

func (*keyboard) line(time.Duration) (string, error) { return "", io.EOF }

func (*keyboard) discard() {}
