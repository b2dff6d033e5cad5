package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// named runs BIND as the primary of example.org, on loopback, for the rest of
// the script. Its address comes into $DNS; the key runbook, whose secret is in
// $TSIG, may change the zone.
//
//	[!exec:named] skip 'named is not installed: apt-get install bind9'
//	named dir
func named(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: named DIRECTORY")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	addr := l.Addr().String()
	ts.Check(l.Close())
	host, port, err := net.SplitHostPort(addr)
	ts.Check(err)
	dir, secret := ts.MkAbs(args[0]), "dGhpcnR5LXR3byBieXRlcyBvZiBhIHNoYXJlZCBrZXk="
	ts.Check(os.MkdirAll(dir, 0o700))
	for name, text := range map[string]string{
		"zone": "$TTL 300\n@ IN SOA ns1 hostmaster 1 60 30 600 2\n@ IN NS ns1\nns1 IN A 127.0.0.1\nwww 1 IN A 192.0.2.1\n",
		"named.conf": fmt.Sprintf(`options { directory %q; pid-file none; session-keyfile none; managed-keys-directory %q;
  listen-on port %s { %s; }; listen-on-v6 { none; }; dnssec-validation no; notify no; recursion no; };
controls {};
key "runbook." { algorithm hmac-sha256; secret %q; };
zone "example.org" { type primary; file "zone"; update-policy { grant runbook. zonesub ANY; }; };
`, dir, dir, port, host, secret),
	} {
		ts.Check(os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	cmd := exec.Command(lookPath(ts, "named"), "-g", "-n", "1", "-c", filepath.Join(dir, "named.conf"))
	log, err := os.Create(filepath.Join(dir, "log"))
	ts.Check(err)
	cmd.Stdout, cmd.Stderr, cmd.SysProcAttr = log, log, &syscall.SysProcAttr{}
	ts.Check(cmd.Start())
	ts.Check(log.Close())
	ts.Defer(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	for deadline := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		if conn, err := net.Dial("tcp", addr); err == nil {
			_ = conn.Close()
			break
		}
		if time.Now().After(deadline) {
			ts.Fatalf("named does not listen at %s:\n%s", addr, ts.ReadFile(filepath.Join(args[0], "log")))
		}
	}
	ts.Setenv("DNS", addr)
	ts.Setenv("TSIG", secret)
}
