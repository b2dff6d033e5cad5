package plugins

import (
	"context"
	"io"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins/internal/wire"
)

// calls carries out what comes on one Invoke stream, one call after another.
type calls struct {
	server *server
	stream grpc.BidiStreamingServer[wire.InvokeRequest, wire.InvokeResponse]
	work   sync.WaitGroup

	mu     sync.Mutex
	cancel context.CancelFunc // of the call under way, or of the one before
	err    error              // why the stream is over
}

// Invoke carries ops out, one after another, until the host ends the stream.
func (s *server) Invoke(stream grpc.BidiStreamingServer[wire.InvokeRequest, wire.InvokeResponse]) error {
	if err := stream.SetHeader(metadata.Pairs(wire.CallsHeader, wire.ManyCalls)); err != nil {
		return err
	}
	c := &calls{server: s, stream: stream, cancel: func() {}}
	c.work.Go(c.next)
	c.work.Wait()
	return c.err
}

// next receives a call and carries it out, while another goroutine receives
// what comes then: a cancel, the end of the host, or the next call.
func (c *calls) next() {
	for {
		in, err := c.stream.Recv()
		if err != nil {
			c.over(err)
			return
		}
		if in.GetCancel() != nil {
			c.current()()
			continue
		}
		call := in.GetCall()
		if call == nil {
			c.over(c.stream.Send(failure(effect.Errorf(effect.CodeInvalid, "the host sent no call"))))
			return
		}
		ctx, cancel := withTimeout(c.stream.Context(), call)
		defer cancel()
		c.mu.Lock()
		c.cancel = cancel
		c.mu.Unlock()
		c.work.Go(c.next)
		out := &sender{stream: c.stream}
		if err := out.last(c.server.invoke(ctx, call, out.progress)); err != nil {
			c.over(err)
		}
		return
	}
}

func (c *calls) current() context.CancelFunc {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.cancel
}

// over notes why nothing more comes, and cancels the call under way.
func (c *calls) over(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err == nil && err != io.EOF {
		c.err = err
	}
	c.cancel()
}
