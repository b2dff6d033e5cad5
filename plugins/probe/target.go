package probe

import (
	"context"
	"errors"
	"io"
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// target is one service of the configuration.
type target struct {
	name     string
	probes   []prober // all have to pass; at least one
	metrics  *exposition
	timeout  time.Duration // of one probe or one scrape
	interval time.Duration
	paths    []string // that load requests, in turn; the page that is probed if there are none
}

// prober looks once. It returns when ctx ends at the latest.
type prober interface {
	probe(ctx context.Context) sight
}

// sight is what one look saw.
type sight struct {
	up       bool
	answered bool // something answered, if only with an error
	took     time.Duration
	detail   string // "200 OK", "GET http://…: connection refused"
	hint     string // what to do about it, where more is known than that it is not up
}

// look probes everything that the target has, one after the other, up to the
// first failure. The time is that of the slowest probe.
func (t *target) look(ctx context.Context) sight {
	all := sight{up: true, answered: true}
	var details []string
	for _, p := range t.probes {
		s := p.probe(ctx)
		if !s.up {
			return s
		}
		all.took = max(all.took, s.took)
		details = append(details, s.detail)
	}
	all.detail = strings.Join(details, ", ")
	return all
}

// reason says why a connection or request failed, without the address that
// the caller names anyway.
func reason(ctx context.Context, err error, took time.Duration) string {
	var timeout net.Error
	if errors.Is(err, context.DeadlineExceeded) || errors.As(err, &timeout) && timeout.Timeout() ||
		errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return "no answer in " + effect.FormatDuration(took)
	}
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err
	}
	var op *net.OpError
	if errors.As(err, &op) && op.Op == "dial" && op.Err != nil {
		err = op.Err
		var dns *net.DNSError
		if errors.As(err, &dns) {
			return "cannot look up " + dns.Name + ": " + dns.Err
		}
		return strings.TrimPrefix(err.Error(), "connect: ")
	}
	if errors.Is(err, io.EOF) {
		return "the connection was closed without an answer"
	}
	return err.Error()
}
