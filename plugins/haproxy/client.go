package haproxy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// maxReply bounds what is read of one reply. The state of a server takes
// about 500 bytes.
const maxReply = 16 << 20

// client speaks the runtime API: one connection, one command, one reply, which
// ends where HAProxy closes.
type client struct {
	network, address string
	timeout          time.Duration // of one command
}

// newClient reads an address: what holds a slash is a path, all else is
// host:port.
func newClient(socket string, timeout time.Duration) (*client, error) {
	if strings.Contains(socket, "/") {
		return &client{"unix", strings.TrimPrefix(socket, "unix:"), timeout}, nil
	}
	if _, _, err := net.SplitHostPort(socket); err != nil {
		return nil, effect.Errorf(effect.CodeInvalid, "socket: %q is neither a path nor host:port", socket).
			WithHint("write the path of the line `stats socket` in haproxy.cfg, from / on")
	}
	return &client{"tcp", socket, timeout}, nil
}

// String returns the address, for messages.
func (c *client) String() string { return "HAProxy's socket " + c.address }

// ask sends a command and returns the reply without its surrounding blank
// lines. sent says whether HAProxy may have seen the command; the error is an
// *effect.Error.
func (c *client) ask(ctx context.Context, command string) (reply string, sent bool, err error) {
	deadline := patience(ctx, c.timeout)
	conn, err := c.dial(ctx, deadline)
	if err != nil {
		return "", false, c.unreachable(ctx, err)
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	if err := conn.SetDeadline(deadline); err != nil {
		return "", false, c.unreachable(ctx, err)
	}
	if ctx.Err() != nil { // AfterFunc may have run before the deadline was set
		return "", false, c.unreachable(ctx, ctx.Err())
	}
	if _, err := io.WriteString(conn, command+"\n"); err != nil {
		return "", true, c.silent(ctx, command, err)
	}
	data, err := io.ReadAll(io.LimitReader(conn, maxReply+1))
	switch {
	case err != nil:
		return "", true, c.silent(ctx, command, err)
	case len(data) > maxReply:
		return "", true, effect.Errorf(effect.CodeFailed, "%s: the reply to %q is longer than %d MiB", c, command, maxReply>>20)
	case len(data) == 0: // even an empty reply is a newline
		return "", true, c.silent(ctx, command, io.ErrUnexpectedEOF)
	}
	return strings.Trim(string(data), "\r\n"), true, nil
}

// dial connects. A unix socket whose queue of connections is full refuses more
// at once, where TCP would wait; HAProxy is soon done with those before.
func (c *client) dial(ctx context.Context, deadline time.Time) (net.Conn, error) {
	const pause = 5 * time.Millisecond
	dialer := net.Dialer{Deadline: deadline}
	for {
		conn, err := dialer.DialContext(ctx, c.network, c.address)
		if !errors.Is(err, syscall.EAGAIN) || time.Now().Add(pause).After(deadline) {
			return conn, err
		}
		select {
		case <-ctx.Done():
			return nil, err
		case <-time.After(pause):
		}
	}
}

// unreachable explains a connection that did not come about.
func (c *client) unreachable(ctx context.Context, err error) *effect.Error {
	if ctx.Err() != nil || errors.Is(err, os.ErrDeadlineExceeded) || isTimeout(err) {
		return effect.Errorf(effect.CodeTimeout, "%s: no connection in time: %s", c, plain(err)).
			WithHint("check that HAProxy is running and not stopped: its socket accepts nobody")
	}
	e := effect.Errorf(effect.CodeUnavailable, "%s: cannot connect: %s", c, plain(err))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return e.WithHint("check that HAProxy runs, and that haproxy.cfg has the line `stats socket %s level admin`", c.address)
	case errors.Is(err, fs.ErrPermission):
		return e.WithHint("give this user access: `stats socket %s mode 660 group GROUP level admin` in haproxy.cfg", c.address)
	case errors.Is(err, syscall.ECONNREFUSED) && c.network == "unix":
		return e.WithHint("the socket is there and nobody listens: HAProxy has stopped, or was restarted with another socket")
	}
	return e.WithHint("check that HAProxy runs, and that haproxy.cfg has `stats socket … level admin` at this address")
}

// silent explains a connection that broke before the reply was complete.
func (c *client) silent(ctx context.Context, command string, err error) *effect.Error {
	if ctx.Err() != nil {
		return effect.Errorf(effect.CodeTimeout, "%s: stopped while waiting for the reply to %q: %s", c, command, context.Cause(ctx))
	}
	if isTimeout(err) {
		return effect.Errorf(effect.CodeTimeout, "%s: no reply to %q within %s", c, command, effect.FormatDuration(c.timeout)).
			WithHint("HAProxy is overloaded or stopped; `timeout` in the configuration of the backend sets the wait")
	}
	return effect.Errorf(effect.CodeUnavailable, "%s: the connection ended before the reply to %q: %s", c, command, plain(err)).
		WithHint("HAProxy may be restarting, or has no connection left for its socket (`stats maxconn`)")
}

func isTimeout(err error) bool {
	var t net.Error
	return errors.As(err, &t) && t.Timeout()
}

// plain strips the words that the net package puts around a cause, which
// repeat the address.
func plain(err error) string {
	var op *net.OpError
	if errors.As(err, &op) {
		err = op.Err
	}
	var call *os.SyscallError
	if errors.As(err, &call) {
		err = call.Err
	}
	return fmt.Sprint(err)
}

// readOnly is what to do about a socket of a lower level.
const readOnly = "the socket may only be read: write `stats socket … level admin` in haproxy.cfg"

// weighing is what to write where weights do not count.
const weighing = "use `balance roundrobin`, `leastconn` or `random`, or `hash-type consistent`"

// refusal turns a reply that should have been empty into an error. done of
// total commands were taken before.
func refusal(op, command, reply string, done, total int) *effect.Error {
	first, _, _ := strings.Cut(reply, "\n")
	code, tail := effect.CodeRefused, "nothing changed"
	if done > 0 {
		code, tail = effect.CodeFailed, fmt.Sprintf("%d of %d commands were taken before", done, total)
	}
	e := effect.Errorf(code, "%s: HAProxy refused %q: %s (%s)", op, command, first, tail)
	switch {
	case strings.HasPrefix(reply, "Permission denied"):
		return e.WithHint(readOnly)
	case strings.Contains(reply, "static LB algorithm"):
		return e.WithHint("the pool's balance algorithm has fixed weights: " + weighing)
	case strings.HasPrefix(reply, "Unknown command"):
		return e.WithHint("this HAProxy does not know the command: version 1.8 or newer is needed, or the address is no stats socket")
	case done > 0:
		return e.WithHint("read the proxy with traffic.servers {}; a split sets all weights anew")
	}
	return e
}
