package plugintest

import (
	"net"
	"strings"
	"testing"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// Patience bounds waits for what happens at once on a machine that is idle.
const Patience = time.Minute

// Until waits until ok, which it asks again and again. The test ends where that
// takes longer than Patience.
func Until(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(Patience); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within %s", what, Patience)
		}
	}
}

// FreeAddress returns an address on the loopback, host:port, at which nobody
// listens by TCP or UDP: a server that takes none by itself may be given it.
func FreeAddress(t testing.TB) string {
	t.Helper()
	for range 50 {
		stream, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		address := stream.Addr().String()
		packets, err := net.ListenPacket("udp", address)
		_ = stream.Close()
		if err == nil {
			_ = packets.Close()
			return address
		}
	}
	t.Fatal("no port is free for both TCP and UDP")
	return ""
}

// WantError checks an error's code, that its message or hint holds each of the
// texts, and that it has a hint: whoever reads it has to know what to do.
func WantError(t testing.TB, err error, code effect.Code, says ...string) {
	t.Helper()
	e := effect.AsError(err)
	if e == nil || e.Code != code {
		t.Errorf("want code %s, got %v", code, err)
		return
	}
	for _, s := range says {
		if !strings.Contains(e.Message+" | "+e.Hint, s) {
			t.Errorf("%q (hint %q) does not hold %q", e.Message, e.Hint, s)
		}
	}
	if e.Hint == "" && code != effect.CodeInternal {
		t.Errorf("%q gives no hint", e.Message)
	}
}
