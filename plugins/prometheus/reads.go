package prometheus

import (
	"slices"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/promql/parser"
)

// reads is what a query reads from the server.
type reads struct {
	selectors []string      // of its series, without a matcher of le; each once
	rate      time.Duration // the shortest range that it takes a rate over, 0 without one
	reach     time.Duration // the shortest range that it takes anything over, 0 without one
	instant   bool          // it reads the newest sample of a series, whenever that was
	others    bool          // it reads series beside up
	hiding    []string      // expressions in it whose NaN it passes over: min, max, a filter
	filtered  string        // what it filters by a comparison as its last act, "" if it does not
}

// passesOver are the aggregations that leave NaN out as long as there is
// anything else. The others answer with NaN, too.
var passesOver = []parser.ItemType{parser.MIN, parser.MAX, parser.TOPK, parser.BOTTOMK, parser.QUANTILE, parser.COUNT}

// needsTwo are the functions that say nothing of a range with one sample.
var needsTwo = []string{"rate", "increase", "irate", "delta", "idelta", "deriv", "predict_linear"}

// readsOf returns what a query reads; nothing if it is not plain PromQL, of
// which the server will say more.
func readsOf(query string) reads {
	var r reads
	expr, err := parser.ParseExpr(query)
	if err != nil {
		return r
	}
	parser.Inspect(expr, func(n parser.Node, path []parser.Node) error {
		switch n := n.(type) {
		case *parser.MatrixSelector:
			if r.reach == 0 || n.Range < r.reach {
				r.reach = n.Range
			}
		case *parser.VectorSelector:
			if n.OriginalOffset != 0 || n.Timestamp != nil || n.StartOrEnd != 0 {
				return nil // it asks for the past, which is old by intent
			}
			if len(path) == 0 || !isRange(path[len(path)-1]) {
				r.instant = true
			}
			plain := &parser.VectorSelector{Name: n.Name}
			name := n.Name
			for _, m := range n.LabelMatchers {
				if m.Name == model.MetricNameLabel {
					name = m.Value
				}
				if m.Name != "le" {
					plain.LabelMatchers = append(plain.LabelMatchers, m)
				}
			}
			if text := plain.String(); !slices.Contains(r.selectors, text) {
				r.selectors = append(r.selectors, text)
			}
			r.others = r.others || name != "up"
		case *parser.AggregateExpr:
			if slices.Contains(passesOver, n.Op) {
				r.hide(n.Expr)
			}
		case *parser.BinaryExpr:
			if operand := filters(n); operand != nil {
				r.hide(operand)
			}
		case *parser.Call:
			if !slices.Contains(needsTwo, n.Func.Name) {
				return nil
			}
			for _, arg := range n.Args {
				if m, ok := arg.(*parser.MatrixSelector); ok && (r.rate == 0 || m.Range < r.rate) {
					r.rate = m.Range
				}
			}
		}
		return nil
	})
	if b, ok := bare(expr).(*parser.BinaryExpr); ok {
		if operand := filters(b); operand != nil {
			r.filtered = operand.String()
		}
	}
	return r
}

func isRange(n parser.Node) bool {
	_, ok := n.(*parser.MatrixSelector)
	return ok
}

func (r *reads) hide(e parser.Expr) {
	if text := e.String(); !slices.Contains(r.hiding, text) {
		r.hiding = append(r.hiding, text)
	}
}

// filters returns the operand whose series a comparison with a number drops
// or lets through; nil if it is none, or says 0 and 1 (bool).
func filters(b *parser.BinaryExpr) parser.Expr {
	switch {
	case !b.Op.IsComparisonOperator() || b.ReturnBool:
	case b.LHS.Type() == parser.ValueTypeVector && b.RHS.Type() == parser.ValueTypeScalar:
		return b.LHS
	case b.RHS.Type() == parser.ValueTypeVector && b.LHS.Type() == parser.ValueTypeScalar:
		return b.RHS
	}
	return nil
}

// bare takes the parentheses off.
func bare(e parser.Expr) parser.Expr {
	for {
		p, ok := e.(*parser.ParenExpr)
		if !ok {
			return e
		}
		e = p.Expr
	}
}
