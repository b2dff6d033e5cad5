package main

import (
	"context"
	"os"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/q-ecosystem/runbook/examples/lab/systems"
)

// start starts a system of the lab for the rest of the script.
func start(ts *testscript.TestScript, s systems.System) {
	if missing := s.Missing(); missing != nil {
		ts.Fatalf("%s", missing)
	}
	ts.Defer(s.Stop)
	ts.Check(s.Start(context.Background()))
}

// named runs BIND as the primary of example.org, on loopback, for the rest of
// the script. Its address comes into $DNS; the key runbook, whose secret is in
// $TSIG, may change the zone. What it says is in DIRECTORY/dns/log.
//
//	[!exec:named] skip 'named is not installed: apt-get install bind9'
//	named dir
func named(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: named DIRECTORY")
	}
	b := &systems.BIND{Dir: ts.MkAbs(args[0])}
	start(ts, b)
	ts.Setenv("DNS", b.Addr)
	ts.Setenv("TSIG", b.Secret)
}

// postgres runs a primary, a, and its replica, b, on loopback for the rest of
// the script. Their addresses come into $PG_A and $PG_B, the directory that
// holds their data, the archive, backups and copies into $PG, and where the programs
// are into $PG_BIN; $PG_USER is whom they run as.
//
//	[!exec:pg_lsclusters] skip '…'
//	postgres
func postgres(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 0 {
		ts.Fatalf("usage: postgres")
	}
	dir, err := os.MkdirTemp("/tmp", "rb-pgtest-") // that of the script is closed to other users
	ts.Check(err)
	ts.Defer(func() { _ = os.RemoveAll(dir) })
	p := &systems.Postgres{Dir: dir, Names: [2]string{"a", "b"}}
	start(ts, p)
	user := p.RunAs()
	if user == "" {
		user = "postgres" // is of no account where the runner is not root
	}
	for k, v := range map[string]string{"PG": dir, "PG_A": p.Addr("a"), "PG_B": p.Addr("b"), "PG_BIN": p.Bin(), "PG_USER": user} {
		ts.Setenv(k, v)
	}
}

// sshds runs an sshd on loopback for each name, as a host of that name, for the
// rest of the script. The directory gets the key that opens them, known_hosts,
// and inventory.ini, in which web-1 is in the group web. Each host keeps its
// records in a directory of its own, DIRECTORY/NAME/home.
//
//	[!exec:/usr/sbin/sshd] skip 'sshd is not installed: apt-get install openssh-server'
//	sshds dir web-1 web-2
func sshds(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: sshds DIRECTORY NAME…")
	}
	start(ts, &systems.SSH{Dir: ts.MkAbs(args[0]), Hosts: args[1:]})
}
