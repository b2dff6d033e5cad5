package host_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins"
	"github.com/q-ecosystem/runbook/plugins/host"
	"github.com/q-ecosystem/runbook/plugins/internal/wire"
)

// bell rings, and says how often it has.
type bell struct {
	rung     atomic.Int64
	slow     chan struct{} // what "slow" waits for, besides its context
	canceled atomic.Int64
}

func (*bell) Describe() plugins.Description {
	op := effect.Op{Module: "sound", Name: "ring", Class: effect.Write, Recovery: effect.Ask,
		Args: []effect.Field{{Name: "slow", Type: effect.Bool, Doc: "wait"}, {Name: "fail", Type: effect.Bool, Doc: "fail"}}}
	return plugins.Description{Name: "bell", Module: "sound", Doc: "Rings.", Version: "1", Ops: []effect.Op{op}}
}
func (*bell) Configure(context.Context, map[string]any) error { return nil }
func (*bell) Health(context.Context) error                    { return nil }
func (b *bell) Invoke(ctx context.Context, req plugins.Request) (any, error) {
	if req.Args["fail"] == true {
		return nil, effect.Errorf(effect.CodeRefused, "no")
	}
	if req.Args["slow"] == true {
		req.Progress("slowly")
		select {
		case <-b.slow:
		case <-ctx.Done():
			b.canceled.Add(1)
		}
	}
	if ctx.Err() != nil && req.Args["slow"] != true {
		return nil, effect.Errorf(effect.CodeInternal, "a call was canceled that nobody canceled")
	}
	return float64(b.rung.Add(1)), nil
}

// once is a plugin of before: its streams take one call each.
type once struct{ wire.BackendServer }

func (o once) Invoke(stream grpc.BidiStreamingServer[wire.InvokeRequest, wire.InvokeResponse]) error {
	if _, err := stream.Recv(); err != nil {
		return err
	}
	return stream.Send(&wire.InvokeResponse{Kind: &wire.InvokeResponse_Value{Value: []byte("1")}})
}

// ringing serves a backend and counts the Invoke streams that are opened.
func ringing(t *testing.T, register func(grpc.ServiceRegistrar)) (r *host.Remote, ring effect.Call, streams *atomic.Int64) {
	t.Helper()
	dir, err := os.MkdirTemp("", "rb")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	socket := filepath.Join(dir, "s")
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	streams = &atomic.Int64{}
	server := grpc.NewServer(grpc.StreamInterceptor(func(srv any, s grpc.ServerStream, _ *grpc.StreamServerInfo, h grpc.StreamHandler) error {
		streams.Add(1)
		return h(srv, s)
	}))
	register(server)
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(server.Stop)
	conn, err := grpc.NewClient("unix:"+socket, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	r = host.NewRemote(conn, "bell", 100*time.Millisecond)
	op := (*bell)(nil).Describe().Ops[0]
	return r, effect.Call{Op: &op, Class: op.Class, Recovery: op.Recovery, Attempt: 1, Verb: effect.VerbInvoke}, streams
}

func ringer(t *testing.T, b *bell) (*host.Remote, effect.Call, *atomic.Int64) {
	t.Helper()
	r, ring, streams := ringing(t, func(s grpc.ServiceRegistrar) { plugins.Register(s, b) })
	if err := r.Configure(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	return r, ring, streams
}

// TestCallsShareAStream: one call after another goes on one stream, failures
// included; calls at one time have a stream each.
func TestCallsShareAStream(t *testing.T) {
	b := &bell{slow: make(chan struct{})}
	r, ring, streams := ringer(t, b)
	for n := range 20 {
		call := ring
		if n%5 == 4 {
			call.Args = map[string]any{"fail": true}
		}
		if _, err := r.Do(t.Context(), call); (err != nil) != (n%5 == 4) {
			t.Fatal(err)
		}
	}
	if n := streams.Load(); n != 1 {
		t.Errorf("%d streams for calls in a row, want 1", n)
	}
	var all sync.WaitGroup
	for range 30 {
		all.Go(func() {
			call := ring
			call.Args = map[string]any{"slow": true}
			if _, err := r.Do(t.Context(), call); err != nil {
				t.Error(err)
			}
		})
	}
	eventually(t, "30 calls are under way", func() bool { return streams.Load() == 30 })
	close(b.slow)
	all.Wait()
	if n := b.rung.Load(); n != 16+30 {
		t.Errorf("it rang %d times", n)
	}
}

// TestCancelMeetsItsOwnCall: however late a cancel comes, it never reaches the
// call behind.
func TestCancelMeetsItsOwnCall(t *testing.T) {
	b := &bell{slow: make(chan struct{})}
	r, ring, _ := ringer(t, b)
	for n := range 200 {
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			time.Sleep(time.Duration(n%20) * 20 * time.Microsecond)
			cancel()
		}()
		_, _ = r.Do(ctx, ring)
		cancel()
		if _, err := r.Do(t.Context(), ring); err != nil {
			t.Fatalf("behind a call that was canceled: %v", err)
		}
	}
	call := ring
	call.Args = map[string]any{"slow": true}
	ctx, cancel := context.WithCancel(t.Context())
	call.Progress = func(string) { cancel() }
	if _, err := r.Do(ctx, call); err != nil || b.canceled.Load() != 1 {
		t.Errorf("a call that is canceled says %v, canceled %d", err, b.canceled.Load())
	}
}

// TestPluginOfBefore takes one call a stream, and gets one.
func TestPluginOfBefore(t *testing.T) {
	r, ring, streams := ringing(t, func(s grpc.ServiceRegistrar) { wire.RegisterBackendServer(s, once{wire.UnimplementedBackendServer{}}) })
	for n := range 50 {
		if res, err := r.Do(t.Context(), ring); err != nil || fmt.Sprint(res.Value) != "1" {
			t.Fatal(n, res, err)
		}
	}
	if n := streams.Load(); n != 50 {
		t.Errorf("%d streams, want 50", n)
	}
}
