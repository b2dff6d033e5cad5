package main

import (
	"io"
	"net"
	"os"

	"github.com/rogpeppe/go-internal/testscript"
)

// relay listens on a unix socket for the rest of the script, passes what comes on
// to another one, and keeps a book of it: what a server was told.
//
//	relay lab/haproxy.sock relay.sock told
func relay(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: relay SOCKET LISTEN FILE")
	}
	to := ts.MkAbs(args[0])
	book, err := os.OpenFile(ts.MkAbs(args[2]), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	ts.Check(err)
	l, err := net.Listen("unix", ts.MkAbs(args[1]))
	ts.Check(err)
	ts.Defer(func() {
		_ = l.Close()
		_ = book.Close()
	})
	go func() {
		for {
			from, err := l.Accept()
			if err != nil {
				return
			}
			go pass(from, to, book)
		}
	}()
}

// pass carries one connection on until either side ends it.
func pass(from net.Conn, to string, book io.Writer) {
	defer from.Close()
	server, err := net.Dial("unix", to)
	if err != nil {
		return
	}
	defer server.Close()
	go func() {
		_, _ = io.Copy(io.MultiWriter(server, book), from)
		_ = server.(*net.UnixConn).CloseWrite()
	}()
	_, _ = io.Copy(from, server)
}
