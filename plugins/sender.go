package plugins

import (
	"sync"

	"google.golang.org/grpc"

	"github.com/q-ecosystem/runbook/plugins/internal/wire"
)

// maxProgress bounds one progress line, in bytes: it is for a person's eyes.
const maxProgress = 8 << 10

// sender orders what one Invoke answers: progress lines from any goroutine,
// then the outcome, then nothing.
type sender struct {
	stream grpc.ServerStreamingServer[wire.InvokeResponse]
	mu     sync.Mutex
	over   bool
}

// progress sends a line. A line after the outcome, or to a host that is gone,
// is dropped.
func (s *sender) progress(line string) {
	if len(line) > maxProgress {
		line = line[:maxProgress] + "…"
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.over {
		err := s.stream.Send(&wire.InvokeResponse{Kind: &wire.InvokeResponse_Progress{Progress: wire.Text(line)}})
		s.over = err != nil
	}
}

// last sends the outcome.
func (s *sender) last(outcome *wire.InvokeResponse) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.over = true
	return s.stream.Send(outcome)
}
