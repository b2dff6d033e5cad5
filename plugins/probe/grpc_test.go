package probe

import (
	"net"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// serveGRPC runs a gRPC server with the services that register adds, and returns its
// address.
func serveGRPC(t *testing.T, register func(*grpc.Server)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := grpc.NewServer()
	register(s)
	go func() { _ = s.Serve(l) }()
	t.Cleanup(s.Stop)
	return l.Addr().String()
}

func TestGRPCHealth(t *testing.T) {
	state := health.NewServer()
	state.SetServingStatus("shop.Cart", grpc_health_v1.HealthCheckResponse_SERVING)
	state.SetServingStatus("shop.Pay", grpc_health_v1.HealthCheckResponse_NOT_SERVING)
	addr := serveGRPC(t, func(s *grpc.Server) { grpc_health_v1.RegisterHealthServer(s, state) })
	bare := serveGRPC(t, func(*grpc.Server) {})
	encrypted, ca := startTLS(t, 24*60*60*1e9)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := l.Addr().String()
	_ = l.Close()
	for _, c := range []struct {
		address, says string
		up            bool
	}{
		{"grpc://" + addr, "gRPC SERVING", true},
		{"grpc://" + addr + "/shop.Cart", "gRPC SERVING", true},
		{"grpc://" + addr + "/shop.Pay", "service shop.Pay: NOT_SERVING", false},
		{"grpc://" + addr + "/shop.None", "does not know the service", false},
		{"grpc://" + bare, "has no grpc.health.v1", false},
		{"grpc://" + closed, "connection refused", false},
		{"grpcs://" + addr, "gRPC health of " + addr, false},
		{"grpcs://" + encrypted, "gRPC health of " + encrypted, false},
	} {
		target, err := newTarget("green", map[string]any{"grpc": c.address, "ca": ca, "timeout": 2.0, "interval": 1.0})
		if err != nil {
			t.Fatal(err)
		}
		v, err := check(t.Context(), target, 0, func(string) {})
		if c.up {
			if got, _ := v.(map[string]any); err != nil || got["detail"] != c.says {
				t.Errorf("%s: %v, %v", c.address, v, err)
			}
		} else if e := effect.AsError(err); e == nil || e.Code != effect.CodeUnhealthy || !strings.Contains(e.Message, c.says) || e.Hint == "" {
			t.Errorf("%s: %v", c.address, err)
		}
	}
	for _, address := range []string{"grpc://host", "http://host:1", "grpc://", "grpc://u:p@host:1"} {
		if _, err := newTarget("green", map[string]any{"grpc": address}); err == nil || strings.Contains(err.Error(), "u:p") {
			t.Errorf("%s: %v", address, err)
		}
	}
}
