package lab

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"syscall"
	"time"
)

const (
	// DefaultRate is the steady load in requests a second.
	DefaultRate = 200
	maxRate     = 5000
	loadTimeout = 10 * time.Second
)

// load sends requests at a steady rate, whether or not earlier ones were
// answered: a slow service sees as many requests as a fast one.
type load struct {
	url      string
	client   *http.Client
	recorder *recorder
	under    sync.WaitGroup // requests under way

	mu      sync.Mutex
	rate    int
	changed chan struct{} // closed when the rate changes
}

func newLoad(url string, rate int, keep time.Duration) *load {
	return &load{url: url, rate: rate, recorder: newRecorder(keep), changed: make(chan struct{}),
		client: &http.Client{Timeout: loadTimeout, Transport: &http.Transport{
			DialContext:         (&net.Dialer{Timeout: time.Second}).DialContext,
			MaxIdleConnsPerHost: 512, DisableCompression: true}}}
}

// setRate changes the rate; 0 pauses.
func (g *load) setRate(rate int) error {
	if rate < 0 || rate > maxRate {
		return badRequest("rate: %d is not between 0 and %d requests a second", rate, maxRate)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.rate = rate
	close(g.changed)
	g.changed = make(chan struct{})
	return nil
}

func (g *load) current() (rate int, changed <-chan struct{}) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.rate, g.changed
}

// run sends until ctx ends or, if limit is not zero, limit requests are sent;
// then it waits for the answers. When ctx ends, requests under way are given
// up and not counted.
func (g *load) run(ctx context.Context, limit int) {
	defer g.client.CloseIdleConnections()
	defer g.under.Wait()
	timer := time.NewTimer(0)
	defer timer.Stop()
	next := time.Now()
	for sent := 0; limit == 0 || sent < limit; {
		rate, changed := g.current()
		var due <-chan time.Time
		if rate > 0 {
			timer.Reset(time.Until(next))
			due = timer.C
		}
		select {
		case <-ctx.Done():
			return
		case <-changed:
			next = time.Now()
		case <-due:
			g.under.Go(func() { g.send(ctx) })
			sent++
			next = next.Add(time.Second / time.Duration(rate))
			if behind := time.Since(next); behind > time.Second {
				next = time.Now() // the machine stalled: no burst to catch up
			}
		}
	}
}

// send makes one request and records it.
func (g *load) send(ctx context.Context) {
	began := time.Now()
	version, problem := g.get(ctx)
	if problem != "" && ctx.Err() != nil {
		return
	}
	g.recorder.add(version, problem, time.Since(began))
}

func (g *load) get(ctx context.Context) (version, problem string) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, g.url, nil)
	if err != nil {
		return "", "invalid request"
	}
	resp, err := g.client.Do(req)
	if err != nil {
		return "", describe(err)
	}
	defer resp.Body.Close()
	version = resp.Header.Get("X-Version")
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		return version, describe(err)
	}
	if resp.StatusCode >= 400 {
		return version, fmt.Sprintf("status %d", resp.StatusCode)
	}
	return version, ""
}

// describe names a kind of failure; there are few, so that they can be
// counted.
func describe(err error) string {
	var timeout interface{ Timeout() bool }
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return "connection refused"
	case errors.As(err, &timeout) && timeout.Timeout():
		return "timeout"
	}
	return "connection lost"
}
