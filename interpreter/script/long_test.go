package script

import (
	"testing"
	"time"
)

// TestErrorsQuoteALine: an error shows so much of a text that a person reads it.
func TestErrorsQuoteALine(t *testing.T) {
	const most = 500
	for _, call := range []string{
		`time.parse(x)`,
		`time.parse(x, { format = x })`,
		`time.parse("2026-01-01", x)`,
		`time.date(0, x)`,
		`time.format(0, "%!" .. x)`,
		`sleep(x)`,
		`sleep { until_ = x }`,
		`sleep { until_ = "03:00", zone = x }`,
		`sleep { [x] = 1 }`,
		`string.format("%" .. x)`,
		`string.format("%d", x)`,
		`string.find("a", "[" .. x)`,
		`tonumber("1", x)`,
		`json.decode(x)`,
		`require(x)`,
		`env(x)`,
		`traffic.split { [x] = 1 }`,
		`traffic[x]()`,
		`local t = nil; t[x] = 1`,
		`local t = {}; t[x]()`,
		`local n = x + 1`,
		`local n = x < 1`,
		`x()`,
		`_G[x]()`,
		`parallel { [x] = 1 }`,
		`wait { until_ = x }`,
		`approve { title = "x", timeout = x }`,
	} {
		err := run(t, newScript(t, "local x = (\"x\"):rep(1000000)\n"+call, &recorder{}, func(o *Options) { o.Budget = time.Minute }))
		if err == nil {
			t.Errorf("%s is carried out", call)
			continue
		}
		text := err.Error()
		if e := errorOf(t, err); e != nil {
			text += e.Hint
		}
		if len(text) > most {
			t.Errorf("%s gives an error of %d bytes: %.200s…", call, len(text), text)
		}
	}
}
