package files

import (
	"testing"
	"time"
)

func TestStamp(t *testing.T) {
	vienna := time.FixedZone("here", 3600)
	now := time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)
	for line, want := range map[string]string{
		`2026-01-31T03:00:01Z started`:                                "2026-01-31T03:00:01Z",
		`2026-01-31T03:00:01.5+02:00 x`:                               "2026-01-31T01:00:01.5Z",
		`2026-01-31 03:00:01,250 INFO x`:                              "2026-01-31T02:00:01.25Z",
		`{"level":"warn","time":"2026-01-31T03:00:01+0000"}`:          "2026-01-31T03:00:01Z",
		`2026-01-31 03:00:01 +0200 x`:                                 "2026-01-31T01:00:01Z",
		`2026/01/31 03:00:01 [error] 12#12`:                           "2026-01-31T02:00:01Z",
		`10.0.0.1 - - [31/Jan/2026:03:00:01 -0100] "GET /2026-01-01"`: "2026-01-31T04:00:01Z",
		`Jan  2 03:00:01 host sshd[1]: x`:                             "2026-01-02T02:00:01Z",
		`<34>Dec 31 23:30:00 host su: x`:                              "2025-12-31T22:30:00Z",
		`at java.lang.Thread.run(Thread.java:748)`:                    "",
		`2026-13-45T03:00:01Z`:                                        "",
		``:                                                            "",
	} {
		got, ok := Stamp(line, vienna, now)
		if want == "" && ok || want != "" && got.Format(time.RFC3339Nano) != want {
			t.Errorf("%q: %v, %t; want %s", line, got, ok, want)
		}
	}
}

func TestListLine(t *testing.T) {
	if got := ListLine("ab", "./a\\b\nc"); got != `\ab  ./a\\b\nc`+"\n" {
		t.Errorf("got %q", got)
	}
}
