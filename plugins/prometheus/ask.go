package prometheus

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net"
	"net/url"
	"strings"
	"time"

	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// point is one element of an answer.
type point struct {
	labels string // `{instance="a:80"}`, "" for a scalar or no labels
	value  float64
}

// ask sends an instant query. NaN and infinities are left out: they are what
// Prometheus says when it has nothing to divide.
func (b *Backend) ask(ctx context.Context, query string, at time.Time, progress func(string)) ([]point, error) {
	value, warnings, _, err := b.api.Query(ctx, query, at)
	if err != nil {
		return nil, b.failure(ctx, query, err)
	}
	for _, w := range warnings {
		progress("prometheus warns: " + w)
	}
	var points []point
	add := func(labels string, v model.SampleValue) {
		if f := float64(v); !math.IsNaN(f) && !math.IsInf(f, 0) {
			points = append(points, point{labels, f})
		}
	}
	switch v := value.(type) {
	case model.Vector:
		for _, s := range v {
			if s.Histogram != nil {
				return nil, effect.Errorf(effect.CodeInvalid, "the query %s answers with a histogram, not with a number", query).
					WithHint("wrap it in histogram_quantile(0.99, …)")
			}
			labels := s.Metric.String()
			if labels == "{}" {
				labels = ""
			}
			add(labels, s.Value)
		}
	case *model.Scalar:
		add("", v.Value)
	default:
		return nil, effect.Errorf(effect.CodeInvalid, "the query %s answers with a %s, not with numbers", query, value.Type()).
			WithHint("take the range off, or wrap it in a function such as rate()")
	}
	return points, nil
}

// failure says why a query was not answered.
func (b *Backend) failure(ctx context.Context, query string, err error) *effect.Error {
	if errors.Is(err, context.DeadlineExceeded) || ctx.Err() != nil {
		return effect.Errorf(effect.CodeTimeout, "ask %s for %s: no answer in time", b.address, query)
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
			return effect.Errorf(effect.CodeUnavailable, "%s", what).WithHint("check that the server is ready")
		case v1.ErrClient:
			if strings.Contains(refused.Msg, "401") || strings.Contains(refused.Msg, "403") {
				return effect.Errorf(effect.CodeRefused, "%s", what).WithHint("check token, username and password in the configuration")
			}
			return effect.Errorf(effect.CodeRefused, "%s", what).
				WithHint("check that %s is a Prometheus server, path prefix included", b.address)
		}
		return effect.Errorf(effect.CodeFailed, "%s", what)
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
