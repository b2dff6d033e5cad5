package main

import (
	"sync"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/q-ecosystem/runbook/plugins/kubo/kubotest"
)

// ipfsNodes runs two IPFS nodes on loopback for the rest of the script, main and
// backup. The addresses of their APIs come into $IPFS_MAIN and $IPFS_BACKUP, where
// others reach the second one into $IPFS_PEER. main is a pinning service too, at
// $PINNING with the token in $PINNING_TOKEN.
func ipfsNodes(dir string) func(*testscript.TestScript, bool, []string) {
	build := sync.OnceValues(func() (string, error) { return kubotest.Build("../../examples/bench/ipfsnode", dir) })
	return func(ts *testscript.TestScript, neg bool, args []string) {
		if neg || len(args) != 0 {
			ts.Fatalf("usage: ipfsnodes")
		}
		program, err := build()
		ts.Check(err)
		const token = "token-of-the-pinning-service"
		main, err := kubotest.Start(program, "", "-pinning", token)
		ts.Check(err)
		ts.Defer(main.Stop)
		backup, err := kubotest.Start(program, "")
		ts.Check(err)
		ts.Defer(backup.Stop)
		for name, value := range map[string]string{"IPFS_MAIN": main.API, "IPFS_BACKUP": backup.API, "IPFS_PEER": backup.Peer,
			"PINNING": main.Pinning, "PINNING_TOKEN": token} {
			ts.Setenv(name, value)
		}
	}
}
