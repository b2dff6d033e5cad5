//go:build unix

package versions

import (
	"errors"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

const nonblock = unix.O_NONBLOCK

// patience bounds the wait for another process that changes a secret.
const patience = 10 * time.Second

// lockDir keeps other processes out until free is called.
func lockDir(dir string) (free func(), err error) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	for deadline := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err == nil {
			break
		}
		if !errors.Is(err, unix.EWOULDBLOCK) && !errors.Is(err, unix.EINTR) || time.Now().After(deadline) {
			_ = f.Close()
			return nil, err
		}
	}
	return func() { _ = f.Close() }, nil
}
