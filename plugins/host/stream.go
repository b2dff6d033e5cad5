package host

import (
	"context"
	"errors"
	"io"
	"slices"
	"sync"
	"time"

	"google.golang.org/grpc"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins/internal/wire"
)

// maxIdle bounds the streams that are kept for later calls.
const maxIdle = 16

// stream is an Invoke stream. To open one takes about as long as to send a
// call on it: a plugin that says so gets one call after another on the same.
type stream struct {
	grpc.BidiStreamingClient[wire.InvokeRequest, wire.InvokeResponse]
	ctx context.Context // outlives that of a call: a canceled write may still say how far it came
	end context.CancelCauseFunc
}

// streams are those that are idle.
type streams struct {
	mu   sync.Mutex
	idle []*stream
}

// take returns an idle stream whose connection stands, or nil.
func (s *streams) take() *stream {
	s.mu.Lock()
	defer s.mu.Unlock()
	for n := len(s.idle); n > 0; n = len(s.idle) {
		st := s.idle[n-1]
		s.idle = s.idle[:n-1]
		if st.Context().Err() == nil {
			return st
		}
		st.end(nil)
	}
	return nil
}

// keep takes a stream back, if the plugin takes more calls on it.
func (s *streams) keep(st *stream) {
	header, err := st.Header() // it came with the first answer
	if err != nil || !slices.Contains(header.Get(wire.CallsHeader), wire.ManyCalls) {
		st.end(nil)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.idle) >= maxIdle {
		st.end(nil)
		return
	}
	s.idle = append(s.idle, st)
}

// open returns a stream for a call. The error is a *transportError: nothing was sent.
func (r *Remote) open(ctx context.Context) (*stream, error) {
	if st := r.streams.take(); st != nil {
		return st, nil
	}
	st := &stream{}
	st.ctx, st.end = context.WithCancelCause(context.Background())
	stop := context.AfterFunc(ctx, func() { st.end(&transportError{why: canceled}) })
	var err error
	st.BidiStreamingClient, err = r.client.Invoke(st.ctx)
	if !stop() {
		return nil, &transportError{why: canceled}
	}
	if err != nil {
		defer st.end(nil)
		return nil, asTransportError(st.ctx, err, false)
	}
	return st, nil
}

// invoke sends a call and waits for its answer.
func (r *Remote) invoke(ctx context.Context, call effect.Call, msg *wire.Call) (effect.Result, error) {
	st, err := r.open(ctx)
	if err != nil {
		return effect.Result{}, err
	}
	alarm := time.AfterFunc(timeout(call)+r.grace, func() { st.end(&transportError{why: hung}) })
	if err := st.Send(&wire.InvokeRequest{Kind: &wire.InvokeRequest_Call{Call: msg}}); err != nil && err != io.EOF { // at EOF, Recv says why
		alarm.Stop()
		defer st.end(nil)
		return effect.Result{}, asTransportError(st.ctx, err, true)
	}
	writes := class(call).Writes()
	stop := context.AfterFunc(ctx, func() {
		if !writes {
			st.end(&transportError{why: canceled})
			return
		}
		_ = st.Send(&wire.InvokeRequest{Kind: &wire.InvokeRequest_Cancel{Cancel: &wire.Cancel{}}})
		time.AfterFunc(r.grace, func() { st.end(&transportError{why: canceled}) })
	})
	result, err := st.answer(call)
	var te *transportError
	// What is about to end the stream, or to cancel on it, must not meet the next call.
	if quiet, alone := alarm.Stop(), stop(); quiet && alone && !errors.As(err, &te) {
		r.streams.keep(st)
	} else {
		st.end(nil)
	}
	return result, err
}

// answer receives what a call says until it is over. The error is a *transportError when
// it does not say how it ended.
func (st *stream) answer(call effect.Call) (effect.Result, error) {
	for {
		resp, err := st.Recv()
		if err != nil {
			return effect.Result{}, asTransportError(st.ctx, err, true)
		}
		switch kind := resp.GetKind().(type) {
		case *wire.InvokeResponse_Progress:
			call.Report("%s", kind.Progress)
		case *wire.InvokeResponse_Error:
			return effect.Result{}, named(wire.ToError(kind.Error), call)
		case *wire.InvokeResponse_Value:
			value, err := wire.DecodeResult(kind.Value)
			if err != nil {
				return effect.Result{}, &transportError{why: broken, sent: true, detail: err.Error()}
			}
			return effect.Result{Value: value}, nil
		default:
			return effect.Result{}, &transportError{why: broken, sent: true, detail: "it answered in a form that this program does not know"}
		}
	}
}
