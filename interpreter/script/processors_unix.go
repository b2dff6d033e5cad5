//go:build unix

package script

import (
	"syscall"
	"time"
)

// onProcessors returns the time that this process has had on processors.
func onProcessors() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return time.Since(started)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
