package report

import (
	"fmt"
	"strings"
)

// drawing is a picture as SVG. It comes in two widths, of which a page shows the
// one that fits, so that text is never scaled.
type drawing struct {
	Class  string
	Label  string // what is to be seen, for those who do not see it
	W, H   float64
	Shapes []shape
}

// shape is one element of a drawing.
type shape struct {
	Kind         string // rect, line, path, dot, text
	Class        string
	X, Y, W, H   float64
	X2, Y2       float64
	D            string // of a path
	Text, Anchor string
	Title        string // shown on hovering
}

// wide and narrow are the widths of drawings, in CSS pixels.
const (
	wide   = 980
	narrow = 340
)

func (d *drawing) rect(class string, x, y, w, h float64, title string) {
	d.Shapes = append(d.Shapes, shape{Kind: "rect", Class: class, X: r1(x), Y: r1(y), W: r1(w), H: r1(h), Title: title})
}

func (d *drawing) line(class string, x, y, x2, y2 float64) {
	d.Shapes = append(d.Shapes, shape{Kind: "line", Class: class, X: r1(x), Y: r1(y), X2: r1(x2), Y2: r1(y2)})
}

func (d *drawing) dot(class string, x, y, size float64, title string) {
	d.Shapes = append(d.Shapes, shape{Kind: "dot", Class: class, X: r1(x), Y: r1(y), W: size, Title: title})
}

// text writes at most room pixels of text; 0 writes all.
func (d *drawing) text(class, anchor string, x, y float64, text string, room float64) {
	const letter = 6.3 // pixels of an average one
	if runes := []rune(text); room > 0 && float64(len(runes))*letter > room {
		text = string(runes[:max(int(room/letter)-1, 1)]) + "…"
	}
	d.Shapes = append(d.Shapes, shape{Kind: "text", Class: class, Anchor: anchor, X: r1(x), Y: r1(y), Text: text})
}

// steps draws a line that stays at a value until the next.
func (d *drawing) steps(class string, points [][2]float64, until float64) {
	if len(points) == 0 {
		return
	}
	var b strings.Builder
	fmt.Fprintf(&b, "M%.1f %.1f", points[0][0], points[0][1])
	for _, p := range points[1:] {
		fmt.Fprintf(&b, "H%.1fV%.1f", p[0], p[1])
	}
	fmt.Fprintf(&b, "H%.1f", until)
	d.Shapes = append(d.Shapes, shape{Kind: "path", Class: class, D: b.String()})
}

// joined draws a line from value to value.
func (d *drawing) joined(class string, points [][2]float64) {
	var b strings.Builder
	for i, p := range points {
		fmt.Fprintf(&b, "%c%.1f %.1f", "ML"[min(i, 1)], p[0], p[1])
	}
	if b.Len() > 0 {
		d.Shapes = append(d.Shapes, shape{Kind: "path", Class: class, D: b.String()})
	}
}

// r1 rounds to a tenth of a pixel.
func r1(x float64) float64 { return float64(int(x*10+0.5)) / 10 }
