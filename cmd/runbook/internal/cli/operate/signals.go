package operate

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// oneRequest is for how long after a signal the others are echoes of it:
// timeout(1) signals its child and then its group, and wrappers that hand
// secrets to a program forward a Ctrl-C that the terminal has sent to both.
// Nobody has read by then what the first one does.
const oneRequest = 300 * time.Millisecond

// interruptible makes the first Ctrl-C (or SIGTERM, or the loss of the
// terminal) stop the run in good order, and the second stop it now; a terminal
// is lost only once. say prints what is going on. A reader of the output that
// goes away, as head does, stops nothing: the run matters more than what is
// printed about it.
func (a commands) interruptible(ctx context.Context, say func(string)) (context.Context, func()) {
	ctx, cancel := context.WithCancel(ctx)
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	unread := make(chan os.Signal, 1)
	signal.Notify(unread, syscall.SIGPIPE) // a write fails now instead of ending the process
	go func() {
		var counted time.Time
		for n := 0; ; {
			select {
			case <-ctx.Done():
				return
			case sig := <-signals:
				if n > 0 && (sig == syscall.SIGHUP || time.Since(counted) < oneRequest) { // of a SIGHUP the kernel and the shell each send one
					continue
				}
			}
			switch n {
			case 0:
				say("stopping: the effect under way is finished and recorded first; Ctrl-C again stops now")
				close(a.Stopping)
			case 1:
				say("stopping now: a write under way has an unknown outcome, which the resume settles or asks about")
				cancel()
			}
			n++
			counted = time.Now()
		}
	}()
	return ctx, func() {
		signal.Stop(signals)
		signal.Stop(unread)
		cancel()
	}
}
