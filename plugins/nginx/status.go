package nginx

import (
	"context"
	"errors"
	"io"
	"math"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins/internal/portion"
)

// served is what a worker of nginx answered.
type served struct {
	pid    int
	digest string // "" of a file that runbook has not written yet
	shares map[string]int
}

// ask asks nginx what it serves, on a connection of its own: one that was kept
// could lead to a worker of the configuration before.
func (p *pool) ask(ctx context.Context, timeout time.Duration) (served, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.status, nil)
	if err != nil {
		return served{}, effect.Errorf(effect.CodeInvalid, "pool %s: %v", p.name, err)
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(req)
	if err != nil {
		return served{}, p.unanswered(ctx, err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	if err != nil {
		return served{}, p.unanswered(ctx, err)
	}
	s, ok := p.parseStatus(string(body))
	if resp.StatusCode != http.StatusOK || !ok {
		e := effect.Errorf(effect.CodeFailed, "pool %s: %s answered with status %d, and not what nginx serves", p.name, p.status, resp.StatusCode)
		return served{}, e.WithHint(`it needs: location = %s { default_type text/plain; return 200 $runbook_%s_status; }`, req.URL.Path, p.name)
	}
	return s, nil
}

// parseStatus reads "runbook pool=web pid=7 digest=… blue=90 green=10".
func (p *pool) parseStatus(text string) (served, bool) {
	words := strings.Fields(text)
	if len(words) < 3 || words[0] != "runbook" || words[1] != "pool="+p.name {
		return served{}, false
	}
	s, sum := served{shares: map[string]int{}}, 0
	for _, word := range words[2:] {
		key, value, ok := strings.Cut(word, "=")
		n, err := strconv.ParseFloat(value, 64)
		switch {
		case !ok:
			return s, false
		case key == "digest":
			s.digest = value
		case err != nil:
			return s, false
		case key == "pid":
			s.pid = int(n)
		default:
			share := int(math.Round(n * portion.Whole / 100))
			s.shares[key], sum = share, sum+share
		}
	}
	return s, sum == portion.Whole
}

// unanswered explains that nginx said nothing.
func (p *pool) unanswered(ctx context.Context, err error) error {
	var op *net.OpError
	cause := err
	if errors.As(err, &op) {
		cause = op.Err
	}
	var call *os.SyscallError
	if errors.As(cause, &call) {
		cause = call.Err
	}
	if ctx.Err() != nil {
		return effect.Errorf(effect.CodeTimeout, "pool %s: nginx did not answer at %s in time: %v", p.name, p.status, context.Cause(ctx)).
			WithHint("check that nginx runs and is not stopped; `timeout` in the configuration of the backend sets the wait")
	}
	return effect.Errorf(effect.CodeUnavailable, "pool %s: nginx does not answer at %s: %v", p.name, p.status, cause).
		WithHint("check that nginx runs, and that it listens there")
}
