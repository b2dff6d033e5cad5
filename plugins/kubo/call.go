package kubo

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"syscall"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins"
)

const (
	headersLimit = 64 << 10 // of an answer, in bytes
	lineLimit    = 1 << 20  // of one value in an answer, in bytes
	errorLimit   = 8 << 10  // how much of a refusal is read, in bytes
)

// call is one op under way on a node.
type call struct {
	*node
	connect  time.Duration
	ctx      context.Context
	args     map[string]any
	writes   bool
	limit    time.Duration // how long all of it may take
	began    time.Time
	progress *progress
}

func newCall(ctx context.Context, s *settings, n *node, req plugins.Request, op *effect.Op) (*call, context.CancelFunc) {
	c := &call{node: n, connect: s.connect, args: req.Args, writes: op.Class.Writes(), limit: op.Timeout, began: time.Now()}
	if seconds, given := req.Args["timeout"].(float64); given {
		c.limit = effect.Seconds(seconds)
	}
	if c.limit <= 0 {
		c.limit = 30 * time.Second
	}
	c.progress = &progress{show: req.Progress}
	var cancel context.CancelFunc
	c.ctx, cancel = context.WithTimeout(ctx, c.limit)
	return c, cancel
}

// rest is how long the node may take, so that it says itself that it gave up:
// what it says is certain, a connection that we break is not.
func (c *call) rest() string {
	left := c.limit - time.Since(c.began)
	left -= min(left/10, 5*time.Second)
	return max(left, time.Millisecond).Round(time.Millisecond).String()
}

// said is an error in the node's own words: it did not do what it was asked.
type said struct {
	command, message string
}

func (e *said) Error() string { return e.command + ": " + e.message }

// broken is an answer that did not come, or not to its end.
type broken struct {
	command string
	reached bool // the command may have come to the node
	err     error
}

func (e *broken) Error() string { return e.command + ": " + e.err.Error() }

// answer is what the node says to a command, as a stream.
type answer struct {
	command string
	resp    *http.Response
}

// post gives the node a command. The body may be nil.
func (c *call) post(ctx context.Context, command string, query url.Values, body io.Reader, contentType string) (*answer, error) {
	reached := false
	transport := &http.Transport{
		DialContext:         (&net.Dialer{Timeout: c.connect, Control: c.mayDial}).DialContext,
		TLSHandshakeTimeout: c.connect, TLSClientConfig: c.tls,
		DisableKeepAlives:  true, // net/http sends again by itself on connections that it kept
		DisableCompression: true, MaxResponseHeaderBytes: headersLimit,
		TLSNextProto: map[string]func(string, *tls.Conn) http.RoundTripper{}, // HTTP/1.1
	}
	to := *c.api
	to.Path += "/api/v0/" + command
	to.RawQuery = query.Encode()
	trace := httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { reached = true }})
	req, err := http.NewRequestWithContext(trace, http.MethodPost, to.String(), body)
	if err != nil {
		return nil, &broken{command, false, err}
	}
	req.Header.Set("User-Agent", "runbook") // Kubo refuses what looks like a browser, or like another version of itself
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	if c.token != "" {
		req.Header.Set("Authorization", c.token)
	}
	resp, err := transport.RoundTrip(req)
	if err != nil {
		return nil, &broken{command, reached, err}
	}
	if resp.StatusCode == http.StatusOK {
		return &answer{command, resp}, nil
	}
	defer resp.Body.Close()
	data, _ := io.ReadAll(io.LimitReader(resp.Body, errorLimit)) // the status says enough, whatever came with it
	return nil, c.refused(command, resp.StatusCode, data)
}

// mayDial keeps plain http on this machine, whatever names resolve to.
func (c *call) mayDial(_, address string, _ syscall.RawConn) error {
	host, _, err := net.SplitHostPort(address)
	if err == nil && c.loopback && !isLoopback(host) {
		err = fmt.Errorf("%s leads to %s, another machine, which plain http is not spoken to without insecure: true", c.api.Hostname(), host)
	}
	return err
}

// Read implements io.Reader. It returns io.EOF only of an answer that came to
// its end, and that the node stands to: an error that it met after it had begun
// stands behind the answer.
func (a *answer) Read(p []byte) (int, error) {
	n, err := a.resp.Body.Read(p)
	if err == nil {
		return n, nil
	}
	if err != io.EOF {
		return n, &broken{a.command, true, err}
	}
	if message := a.resp.Trailer.Get("X-Stream-Error"); message != "" {
		return n, &said{a.command, message}
	}
	return n, io.EOF
}

func (a *answer) Close() { _ = a.resp.Body.Close() }

// each reads an answer that is one JSON value after another, and calls take
// with each.
func each[T any](a *answer, take func(T) error) error {
	defer a.Close()
	bounded := &bounded{r: a}
	d := json.NewDecoder(bounded)
	for {
		var v T
		bounded.left = lineLimit
		err := d.Decode(&v)
		if err == io.EOF {
			return nil
		}
		if err == nil {
			err = take(v)
		} else if bounded.err != nil && bounded.err != io.EOF {
			return bounded.err
		} else if err == io.ErrUnexpectedEOF {
			return &broken{a.command, true, err}
		} else {
			return &rubbish{a.command, err}
		}
		if err != nil {
			return err
		}
	}
}

// rubbish is an answer that is none of Kubo's.
type rubbish struct {
	command string
	err     error
}

func (e *rubbish) Error() string { return e.command + ": " + e.err.Error() }

// bounded fails when one value takes more than is left.
type bounded struct {
	r    io.Reader
	left int
	err  error
}

func (b *bounded) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, fmt.Errorf("one value takes more than %d bytes", lineLimit)
	}
	n, err := b.r.Read(p)
	b.left -= n
	b.err = err
	return n, err
}

// once gives the node a command whose answer is one JSON value.
func once[T any](ctx context.Context, c *call, command string, query url.Values) (v T, err error) {
	a, err := c.post(ctx, command, query, nil, "")
	if err != nil {
		return v, err
	}
	came := false
	err = each(a, func(got T) error {
		v, came = got, true
		return nil
	})
	if err == nil && !came {
		err = &broken{command, true, io.ErrUnexpectedEOF}
	}
	return v, err
}

// query returns the parameters of a command: name, value, …
func query(pairs ...string) url.Values {
	q := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		q.Add(pairs[i], pairs[i+1])
	}
	return q
}

// oneLine returns the beginning of what a node wrote, without our token.
func (n *node) oneLine(text string) string {
	text = strings.Join(strings.Fields(strings.ToValidUTF8(n.scrub.Cut(text), "\uFFFD")), " ")
	text = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return '\uFFFD'
		}
		return r
	}, text)
	if runes := []rune(text); len(runes) > 300 {
		return string(runes[:300]) + "…"
	}
	return text
}
