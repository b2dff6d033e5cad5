package host_test

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins/host"
)

// BenchmarkInvokeAgainstBareGRPC measures a call through the host against a
// unary gRPC call to another process over a unix socket, turn about in one
// run, and reports their ratio as x/bare.
func BenchmarkInvokeAgainstBareGRPC(b *testing.B) {
	h, err := host.New(host.Options{Specs: []host.Spec{lampSpec()}})
	if err != nil {
		b.Fatal(err)
	}
	defer h.Close()
	if err := h.Open(b.Context()); err != nil {
		b.Fatal(err)
	}
	bare := bareCall(b)
	c := look("pid")
	invoke := func() {
		if _, err := h.Do(b.Context(), c); err != nil {
			b.Fatal(err)
		}
	}
	for range 100 {
		bare()
		invoke()
	}
	var through, plain time.Duration
	for b.Loop() {
		start := time.Now()
		invoke()
		middle := time.Now()
		bare()
		through += middle.Sub(start)
		plain += time.Since(middle)
	}
	n := float64(b.N)
	b.ReportMetric(float64(through.Microseconds())/n, "us/invoke")
	b.ReportMetric(float64(plain.Microseconds())/n, "us/bare")
	b.ReportMetric(float64(through)/float64(plain), "x/bare")
}

// bareCall starts this binary as a gRPC server that does nothing else and
// returns what calls it.
func bareCall(b *testing.B) func() {
	b.Helper()
	dir, err := os.MkdirTemp("", "rb")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = os.RemoveAll(dir) })
	socket := filepath.Join(dir, "s")
	startSelf(b, "grpc", socket)
	conn, err := grpc.NewClient("unix:"+socket, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = conn.Close() })
	client := grpc_health_v1.NewHealthClient(conn)
	call := func() {
		if _, err := client.Check(context.Background(), &grpc_health_v1.HealthCheckRequest{}, grpc.WaitForReady(true)); err != nil {
			b.Fatal(err)
		}
	}
	call()
	return call
}

// beGRPC serves gRPC's health check at a unix socket until its input ends.
func beGRPC(socket string) {
	listener, err := net.Listen("unix", socket)
	if err != nil {
		os.Exit(1)
	}
	s := grpc.NewServer()
	grpc_health_v1.RegisterHealthServer(s, health.NewServer())
	go func() { _ = s.Serve(listener) }()
	_, _ = os.Stdin.Read(make([]byte, 1))
}

// BenchmarkStart measures a plugin's start up to its first answer.
func BenchmarkStart(b *testing.B) {
	for b.Loop() {
		h, err := host.New(host.Options{Specs: []host.Spec{lampSpec()}})
		if err != nil {
			b.Fatal(err)
		}
		if err := h.Open(b.Context()); err != nil {
			b.Fatal(err)
		}
		if _, err := h.Do(b.Context(), look("pid")); err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		h.Close()
		b.StartTimer()
	}
}

var _ effect.Handler = (*host.Host)(nil)
