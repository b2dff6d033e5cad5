package recordsettest

import (
	"net"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// Program finds a program of Debian's package, or skips the test.
func Program(t testing.TB, name, pkg string) string {
	t.Helper()
	for _, path := range []string{name, "/usr/sbin/" + name} {
		if bin, err := exec.LookPath(path); err == nil {
			return bin
		}
	}
	if os.Getenv("RUNBOOK_REQUIRE_SERVERS") == "1" {
		t.Fatalf("%s is not installed, and RUNBOOK_REQUIRE_SERVERS=1 asks for it", name)
	}
	t.Skipf("skipped: %s is not installed: apt-get install %s", name, pkg)
	return ""
}

// Dig asks a server, host:port, as a person would: "60 192.0.2.1, 192.0.2.2" is
// the time to live and the values; "nothing".
func Dig(t testing.TB, addr, name, kind string) string {
	t.Helper()
	host, port, _ := net.SplitHostPort(addr)
	out, err := exec.Command(Program(t, "dig", "bind9-dnsutils"), "@"+host, "-p", port, "+noall", "+answer", name, kind).Output()
	if err != nil {
		t.Fatal(err)
	}
	ttl, values := "", []string{}
	for line := range strings.Lines(string(out)) {
		if f := strings.Fields(line); len(f) > 4 && f[3] == kind {
			ttl, values = f[1], append(values, strings.Join(f[4:], " "))
		}
	}
	slices.Sort(values)
	if len(values) == 0 {
		return "nothing"
	}
	return ttl + " " + strings.Join(values, ", ")
}
