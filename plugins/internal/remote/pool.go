package remote

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// pool keeps one connection to each host, which all sessions share.
type pool struct {
	settings *settings
	mu       sync.Mutex
	slots    map[string]*slot
}

// slot is where a host's connection is kept; its lock lets one caller connect
// while the others wait for it.
type slot struct {
	turn chan struct{} // holds one token
	conn *conn         // nil before the first
}

// conn is a connection that is looked after.
type conn struct {
	*ssh.Client
	broken chan struct{} // closed when the connection is over
	turns  chan struct{} // holds one token for each session that is open
}

// sessions is how many sessions of a connection are open at once: sshd allows
// ten unless it is told otherwise, and one has to be left to end a command.
const sessions = 8

func newPool(s *settings) *pool { return &pool{settings: s, slots: map[string]*slot{}} }

// get returns the connection to a host, made now if there is none that lives.
func (p *pool) get(ctx context.Context, t *Host) (*conn, *effect.Error) {
	s := p.slot(t.user + "@" + t.Name)
	select {
	case <-s.turn:
		defer func() { s.turn <- struct{}{} }()
	case <-ctx.Done():
		return nil, effect.Errorf(effect.CodeTimeout, "%s: the call ended while a connection was awaited; nothing was sent", t)
	}
	if s.conn != nil && !s.conn.over() {
		return s.conn, nil
	}
	ctx, cancel := context.WithTimeout(ctx, p.settings.connect)
	defer cancel()
	c, e := p.dial(ctx, t)
	if e == nil {
		s.conn = c
	}
	return c, e
}

// await is get that tries again for a while: what broke a connection often keeps
// the next one from being made at once.
func (p *pool) await(ctx context.Context, t *Host) *effect.Error {
	until := time.Now().Add(p.settings.reconnect)
	for {
		_, e := p.get(ctx, t)
		if e == nil || e.Code != effect.CodeUnavailable || time.Now().After(until) || ctx.Err() != nil {
			return e
		}
		select {
		case <-ctx.Done():
		case <-time.After(min(time.Second, p.settings.reconnect/10)):
		}
	}
}

func (p *pool) slot(key string) *slot {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.slots[key] == nil {
		p.slots[key] = &slot{turn: make(chan struct{}, 1)}
		p.slots[key].turn <- struct{}{}
	}
	return p.slots[key]
}

// dial connects and logs in, through other hosts if there are any in between.
func (p *pool) dial(ctx context.Context, t *Host) (*conn, *effect.Error) {
	keys, e := p.settings.hostKeys(t)
	if e != nil {
		return nil, e
	}
	id, e := p.settings.identify(ctx, t)
	if e != nil {
		return nil, e
	}
	defer id.close()
	wire, e := p.reach(ctx, t)
	if e != nil {
		return nil, e
	}
	release := context.AfterFunc(ctx, func() { _ = wire.Close() })
	raw, channels, requests, err := ssh.NewClientConn(wire, t.Addr(), &ssh.ClientConfig{
		User: t.user, Auth: []ssh.AuthMethod{ssh.PublicKeys(id.signers...)},
		HostKeyCallback: keys.callback, HostKeyAlgorithms: keys.algorithms, ClientVersion: "SSH-2.0-runbook",
	})
	if !release() && err == nil {
		err = ctx.Err()
	}
	if err != nil {
		_ = wire.Close()
		return nil, p.explain(ctx, t, id, keys, err)
	}
	c := &conn{ssh.NewClient(raw, channels, requests), make(chan struct{}), make(chan struct{}, sessions)}
	go func() {
		_ = c.Wait()
		close(c.broken)
	}()
	go c.keepAlive(p.settings.keepalive)
	return c, nil
}

// reach opens the way to a host: TCP, or a channel through the host before it.
func (p *pool) reach(ctx context.Context, t *Host) (net.Conn, *effect.Error) {
	if len(t.via) == 0 {
		var d net.Dialer
		c, err := d.DialContext(ctx, "tcp", t.Addr())
		if err != nil {
			return nil, p.unreachable(ctx, t, "", err)
		}
		return c, nil
	}
	last := p.settings.hop(t.via[len(t.via)-1], t)
	if len(t.via) > 1 { // the way there is said here, whatever else holds for it
		hop := *last
		hop.via = t.via[:len(t.via)-1]
		hop.Name += " via " + strings.Join(hop.via, ", ")
		last = &hop
	}
	before, e := p.get(ctx, last)
	if e != nil {
		e := *e
		e.Message = fmt.Sprintf("%s: the way goes through %s: %s", t, last.Name, e.Message)
		return nil, &e
	}
	c, err := before.DialContext(ctx, "tcp", t.Addr())
	if err != nil {
		return nil, p.unreachable(ctx, t, " from "+last.String(), err)
	}
	return c, nil
}

func (p *pool) unreachable(ctx context.Context, t *Host, from string, err error) *effect.Error {
	why := err.Error()
	var op *net.OpError
	if errors.As(err, &op) && op.Err != nil {
		why = op.Err.Error()
	}
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		why = "no answer within " + effect.FormatDuration(p.settings.connect)
	}
	return effect.Errorf(effect.CodeUnavailable, "%s cannot be reached%s: %s; nothing was sent", t, from, why).
		WithHint("check that the host is up, that sshd listens at port %d, and that no firewall is in between", t.port)
}

// explain says why a login failed.
func (p *pool) explain(ctx context.Context, t *Host, id *identity, keys *hostKeys, err error) *effect.Error {
	switch {
	case keys.failure != nil:
		return keys.failure
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return effect.Errorf(effect.CodeUnavailable, "%s answers, and the login was not over within %s; nothing was sent", t, effect.FormatDuration(p.settings.connect)).
			WithHint("check what listens there, and how loaded it is; connect_timeout in the configuration of ssh is the limit")
	case ctx.Err() != nil:
		return effect.Errorf(effect.CodeTimeout, "%s: the call ended during the login; nothing was sent", t)
	case strings.Contains(err.Error(), "unable to authenticate"):
		return effect.Errorf(effect.CodeRefused, "%s does not let %s in; tried: %s", t, t.user, id.story()).
			WithHint("check user and keys in the configuration of ssh, and ~%s/.ssh/authorized_keys (or TrustedUserCAKeys) on the host; its log says more", t.user)
	case strings.Contains(err.Error(), "no common algorithm"):
		return effect.Errorf(effect.CodeRefused, "%s: no algorithm suits both sides: %s", t, strings.TrimPrefix(err.Error(), "ssh: ")).
			WithHint("known_hosts may hold a key of a kind that the host no longer has; add its present one, after comparing the fingerprint")
	case errors.Is(err, io.EOF):
		return effect.Errorf(effect.CodeUnavailable, "%s closed the connection during the login; nothing was sent", t).
			WithHint("its sshd may refuse so many logins at once (MaxStartups), or this address; its log says more")
	}
	return effect.Errorf(effect.CodeUnavailable, "%s: the login failed: %s; nothing was sent", t, strings.TrimPrefix(err.Error(), "ssh: ")).
		WithHint("check that it is an SSH server that listens there")
}

func (c *conn) over() bool {
	select {
	case <-c.broken:
		return true
	default:
		return false
	}
}

// keepAlive asks for a sign of life now and then, and gives the connection up
// when there is none.
func (c *conn) keepAlive(every time.Duration) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-c.broken:
			return
		case <-tick.C:
		}
		answer := make(chan error, 1)
		go func() {
			_, _, err := c.SendRequest("keepalive@openssh.com", true, nil)
			answer <- err
		}()
		patience := time.NewTimer(3 * every)
		select {
		case <-c.broken:
		case err := <-answer:
			if err != nil {
				_ = c.Close()
			}
		case <-patience.C:
			_ = c.Close()
		}
		patience.Stop()
	}
}
