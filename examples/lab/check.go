package lab

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"time"
)

// checkResult is the outcome of one health check, in HAProxy's words.
type checkResult struct {
	status string // "L7OK"
	number int    // srv_check_status
	code   int    // the HTTP status, or 0
	desc   string // "Layer7 check passed"
	last   string // what was seen, where desc does not say it
	took   time.Duration
}

// passed reports whether the check found the server healthy.
func (r checkResult) passed() bool { return r.status == "L7OK" }

// checker probes GET /healthz of each server of a pool.
type checker struct {
	pool   *pool
	client *http.Client
}

func newChecker(p *pool) *checker {
	return &checker{pool: p, client: &http.Client{
		Timeout:       checkTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{DisableKeepAlives: true,
			DialContext: (&net.Dialer{Timeout: checkTimeout}).DialContext},
	}}
}

// once checks every server one time.
func (c *checker) once(ctx context.Context) {
	var all sync.WaitGroup
	for _, s := range c.pool.servers {
		all.Go(func() { c.check(ctx, s) })
	}
	all.Wait()
}

// run checks until ctx ends.
func (c *checker) run(ctx context.Context) {
	var all sync.WaitGroup
	for _, s := range c.pool.servers {
		all.Go(func() {
			tick := time.NewTicker(checkInterval)
			defer tick.Stop()
			for {
				select {
				case <-ctx.Done():
					return
				case <-tick.C:
					c.check(ctx, s)
				}
			}
		})
	}
	all.Wait()
}

func (c *checker) check(ctx context.Context, s *server) {
	var maint bool
	c.pool.read(func(time.Time) { maint = s.admin == adminMaint })
	if maint {
		return
	}
	result := c.probe(ctx, s.addr)
	if ctx.Err() != nil {
		return
	}
	c.pool.update(func(now time.Time) { s.note(result, now) })
}

func (c *checker) probe(ctx context.Context, addr string) checkResult {
	began := time.Now()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+addr+"/healthz", nil)
	if err != nil {
		return checkResult{status: "L7RSP", number: 13, desc: "Layer7 invalid response"}
	}
	resp, err := c.client.Do(req)
	took := time.Since(began)
	if err != nil {
		r := failedCheck(err)
		r.took = took
		return r
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	_ = resp.Body.Close()
	r := checkResult{status: "L7OK", number: 15, code: resp.StatusCode, desc: "Layer7 check passed", took: took}
	if resp.StatusCode != http.StatusOK {
		r.status, r.number, r.desc = "L7STS", 17, "Layer7 wrong status"
		_, r.last, _ = strings.Cut(resp.Status, " ")
	}
	return r
}

func failedCheck(err error) checkResult {
	var op *net.OpError
	var timeout interface{ Timeout() bool }
	dial := errors.As(err, &op) && op.Op == "dial"
	late := errors.As(err, &timeout) && timeout.Timeout()
	switch {
	case dial && late:
		return checkResult{status: "L4TOUT", number: 7, desc: "Layer4 timeout"}
	case errors.Is(err, syscall.ECONNREFUSED):
		return checkResult{status: "L4CON", number: 8, desc: "Layer4 connection problem", last: "Connection refused"}
	case dial:
		return checkResult{status: "L4CON", number: 8, desc: "Layer4 connection problem"}
	case late:
		return checkResult{status: "L7TOUT", number: 12, desc: "Layer7 timeout"}
	}
	return checkResult{status: "L7RSP", number: 13, desc: "Layer7 invalid response"}
}
