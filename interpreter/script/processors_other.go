//go:build !unix

package script

import "time"

// onProcessors returns the time that has passed: what this process has had of
// the processors is at most as much for each script.
func onProcessors() time.Duration { return time.Since(started) }
