package prometheus

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins/internal/health"
)

// Pauses between the tries of a query that failed.
const (
	firstRetry = 200 * time.Millisecond
	lastRetry  = time.Second
)

// point is one element of an answer.
type point struct {
	metric model.Metric
	labels string // `{instance="a:80"}`, "" for a scalar or no labels
	value  float64
}

// number reports whether the value is one: NaN and the infinities are what
// Prometheus says when it has nothing to divide.
func (p point) number() bool { return !math.IsNaN(p.value) && !math.IsInf(p.value, 0) }

// answer is what a query was answered with.
type answer struct {
	points   []point
	warnings []string // of an answer that is not whole
}

// void says why the answer tells nothing of its own: a series without a
// number, or a warning. The second value is false if there is no reason.
func (a answer) void(query string) (health.Gap, bool) {
	for _, p := range a.points {
		if !p.number() {
			why := "the answer is " + strconv.FormatFloat(p.value, 'g', -1, 64)
			if len(a.points) > 1 {
				why = fmt.Sprintf("one of %d series is %s", len(a.points), strconv.FormatFloat(p.value, 'g', -1, 64))
			}
			return health.Gap{Why: why, Query: query, Series: p.labels}, true
		}
	}
	if len(a.warnings) > 0 {
		return health.Gap{Why: "the answer is partial: prometheus warns: " + strings.Join(a.warnings, "; "), Query: query}, true
	}
	return health.Gap{}, false
}

// ask sends an instant query once.
func (b *Backend) ask(ctx context.Context, query string, at time.Time) (answer, error) {
	value, warnings, _, err := b.api.Query(ctx, query, at)
	if err != nil {
		return answer{}, b.failure(ctx, query, err)
	}
	a := answer{warnings: warnings}
	switch v := value.(type) {
	case model.Vector:
		for _, s := range v {
			if s.Histogram != nil {
				return answer{}, effect.Errorf(effect.CodeInvalid, "the query %s answers with a histogram, not with a number", query).
					WithHint("wrap it in histogram_quantile(0.99, …)")
			}
			labels := s.Metric.String()
			if labels == "{}" {
				labels = ""
			}
			a.points = append(a.points, point{s.Metric, labels, float64(s.Value)})
		}
	case *model.Scalar:
		a.points = append(a.points, point{value: float64(v.Value)})
	default:
		return answer{}, effect.Errorf(effect.CodeInvalid, "the query %s answers with a %s, not with numbers", query, value.Type()).
			WithHint("take the range off, or wrap it in a function such as rate()")
	}
	return a, nil
}

// persist asks until the server answers or ctx ends: about the same moment,
// so that a server that was away for a second costs no measurement. An error
// that another try cannot mend is returned at once.
func (b *Backend) persist(ctx context.Context, query string, at time.Time, progress func(string)) (answer, error) {
	for tries, pause := 1, firstRetry; ; tries++ {
		a, err := b.ask(ctx, query, at)
		if err == nil || !effect.AsError(err).Retryable {
			return a, err
		}
		deadline, bounded := ctx.Deadline()
		if ctx.Err() != nil || bounded && time.Until(deadline) < pause || !health.Sleep(ctx, pause) {
			if tries > 1 {
				effect.AsError(err).Message += fmt.Sprintf(", %d tries", tries)
			}
			return answer{}, err
		}
		progress(effect.AsError(err).Message + "; asking again")
		pause = min(2*pause, lastRetry)
	}
}

// failure says why a query was not answered.
func (b *Backend) failure(ctx context.Context, query string, err error) *effect.Error {
	if errors.Is(err, context.DeadlineExceeded) || ctx.Err() != nil {
		return effect.Errorf(effect.CodeTimeout, "ask %s for %s: no answer in time", b.address, query).
			WithHint("see whether the server hangs, and how much the query reads")
	}
	var refused *v1.Error
	if errors.As(err, &refused) {
		what := fmt.Sprintf("ask %s for %s: %s", b.address, query, refused.Msg)
		switch refused.Type {
		case v1.ErrBadData:
			return effect.Errorf(effect.CodeInvalid, "%s", what).WithHint("mend the query in the configuration of the target")
		case v1.ErrTimeout, v1.ErrCanceled:
			return effect.Errorf(effect.CodeTimeout, "%s", what).WithHint("make the query cheaper, with a recording rule")
		case v1.ErrServer:
			return effect.Errorf(effect.CodeUnavailable, "%s%s", what, body(refused)).WithHint("check that the server is ready")
		case v1.ErrBadResponse: // cut off on the way, or a proxy's own page
			return effect.Errorf(effect.CodeUnavailable, "%s", what).
				WithHint("check that %s is a Prometheus server, path prefix included", b.address)
		case v1.ErrExec: // a store behind the server that did not answer says this, too
			e := effect.Errorf(effect.CodeFailed, "%s", what).WithHint("mend the query, or see the log of the server")
			e.Retryable = true
			return e
		case v1.ErrClient:
			switch {
			case strings.Contains(refused.Msg, strconv.Itoa(http.StatusTooManyRequests)):
				return effect.Errorf(effect.CodeUnavailable, "%s%s", what, body(refused)).WithHint("the server limits how often it may be asked: measure over longer windows (every = \"1m\")")
			case strings.Contains(refused.Msg, "401") || strings.Contains(refused.Msg, "403"):
				return effect.Errorf(effect.CodeRefused, "%s%s", what, body(refused)).WithHint("check token, username and password in the configuration")
			}
			return effect.Errorf(effect.CodeRefused, "%s%s", what, body(refused)).
				WithHint("check that %s is a Prometheus server, path prefix included", b.address)
		}
		return effect.Errorf(effect.CodeFailed, "%s", what)
	}
	var wrong *elsewhere
	if errors.As(err, &wrong) {
		return effect.Errorf(effect.CodeUnavailable, "ask %s for %s: %s", b.address, query, wrong.said).WithHint("%s", wrong.hint)
	}
	cause := err
	var u *url.Error
	if errors.As(err, &u) { // its text repeats the whole request
		cause = u.Err
	}
	var op *net.OpError
	if errors.As(cause, &op) && op.Op == "dial" && op.Err != nil {
		cause = op.Err
	}
	return effect.Errorf(effect.CodeUnavailable, "ask %s: %s", b.address, strings.TrimPrefix(cause.Error(), "connect: ")).
		WithHint("check the address, and that the server runs and can be reached from here")
}

// mostBody is how much of what a server says beside its status is repeated,
// in bytes.
const mostBody = 200

// body returns what a server, or a proxy before it, wrote beside a status, as
// `: "queue is full"`; a page for browsers says nothing.
func body(refused *v1.Error) string {
	text := strings.Join(strings.Fields(refused.Detail), " ")
	if text == "" || strings.HasPrefix(text, "<") {
		return ""
	}
	if len(text) > mostBody {
		text = strings.ToValidUTF8(text[:mostBody], "") + "…"
	}
	return fmt.Sprintf(": %q", text)
}
