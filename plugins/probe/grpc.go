package probe

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/url"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
)

// grpcProbe asks a server for its health by grpc.health.v1.
type grpcProbe struct {
	addr, service string // the server's own health if service is empty
	trust         credentials.TransportCredentials
}

// newGRPCProbe reads grpc://host:port/service, or grpcs:// for TLS. The problem is
// in words, "" if there is none.
func newGRPCProbe(text string, trust *tls.Config) (p *grpcProbe, problem string) {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "grpc" && u.Scheme != "grpcs" || u.User != nil || u.RawQuery != "" {
		return nil, "it is not an address of gRPC"
	}
	if host, port, err := net.SplitHostPort(u.Host); err != nil || host == "" || port == "" {
		return nil, "it names no host and port"
	}
	p = &grpcProbe{addr: u.Host, service: strings.TrimPrefix(u.Path, "/"), trust: insecure.NewCredentials()}
	if u.Scheme == "grpcs" {
		p.trust = credentials.NewTLS(trust.Clone())
	}
	return p, ""
}

func (p *grpcProbe) probe(ctx context.Context) sight {
	what := "gRPC health of " + p.addr
	if p.service != "" {
		what += ", service " + p.service
	}
	start := time.Now()
	// A connection of its own for each look, through no proxy.
	conn, err := grpc.NewClient("passthrough:///"+p.addr, grpc.WithTransportCredentials(p.trust), grpc.WithNoProxy())
	if err != nil {
		return sight{detail: what + ": " + err.Error()}
	}
	defer func() { _ = conn.Close() }()
	answer, err := grpc_health_v1.NewHealthClient(conn).Check(ctx, &grpc_health_v1.HealthCheckRequest{Service: p.service})
	took := time.Since(start)
	if err != nil {
		return p.failed(ctx, what, took, err)
	}
	if answer.GetStatus() != grpc_health_v1.HealthCheckResponse_SERVING {
		return sight{answered: true, took: took, detail: fmt.Sprintf("%s: %s", what, answer.GetStatus())}
	}
	return sight{up: true, answered: true, took: took, detail: "gRPC SERVING"}
}

// failed says what a call that got no status of health came to.
func (p *grpcProbe) failed(ctx context.Context, what string, took time.Duration, err error) sight {
	is := status.Convert(err)
	switch is.Code() {
	case codes.NotFound:
		return sight{answered: true, took: took, detail: what + ": the server does not know the service",
			hint: "name it as the server registers it, or ask for the server's own health: grpc://" + p.addr}
	case codes.Unimplemented:
		return sight{answered: true, took: took, detail: what + ": the server has no grpc.health.v1",
			hint: "register the health service in it, or probe it by tcp"}
	case codes.DeadlineExceeded, codes.Canceled:
		return sight{took: took, detail: what + ": " + reason(ctx, context.DeadlineExceeded, took)}
	case codes.Unavailable:
		text := is.Message()
		if _, why, found := strings.Cut(text, "desc = "); found { // what dialing came to stands inside
			text = strings.TrimSuffix(why, `"`)
		}
		return sight{took: took, detail: what + ": " + text, hint: "check that it listens there, and whether it wants TLS (grpcs://) or not (grpc://)"}
	}
	return sight{answered: true, took: took, detail: fmt.Sprintf("%s: %s: %s", what, is.Code(), is.Message())}
}
