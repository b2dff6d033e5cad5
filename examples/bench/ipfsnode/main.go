// Ipfsnode is an IPFS node for the tests of the backends kubo and pinning: Kubo's own parts
// (libp2p, its DHT, bitswap, the pinner, UnixFS, CAR files, and the library that
// its RPC API is served with), put together for the commands that the backend
// gives. It keeps everything in memory, speaks to this machine only, and ends
// when its standard input does.
//
// It is not Kubo: the commands themselves are written anew, after its
// documentation. Commands under test/ damage the store, which no other node
// lets itself be told.
//
// With -pinning it is a pinning service too, after the API's specification; what
// is requested of that, the node fetches and pins.
//
//	ipfsnode [-token "Bearer …"] [-pinning TOKEN]
//	pinning http://127.0.0.1:40000/psa
//	api http://127.0.0.1:40001
//	peer /ip4/127.0.0.1/tcp/40002/p2p/12D3KooW…
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"

	cmds "github.com/ipfs/go-ipfs-cmds"
	cmdshttp "github.com/ipfs/go-ipfs-cmds/http"
)

func main() {
	token := flag.String("token", "", "the header Authorization that commands have to bear")
	pinning := flag.String("pinning", "", "the access token of the pinning service; there is none without it")
	flag.Parse()
	if err := run(*token, *pinning); err != nil {
		fmt.Fprintln(os.Stderr, "ipfsnode:", err)
		os.Exit(1)
	}
}

func run(token, pinning string) error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	n, err := newNode(ctx)
	if err != nil {
		return err
	}
	defer n.host.Close()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	config := cmdshttp.NewServerConfig()
	config.APIPath = "/api/v0"
	config.SetAllowedMethods(http.MethodPost)
	served := errored(http.Serve, l, allowed(token, cmdshttp.NewHandler(cmds.Environment(n), root(), config)))
	if pinning != "" {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return err
		}
		errored(http.Serve, l, newPinService(ctx, n, pinning).handler())
		fmt.Println("pinning http://" + l.Addr().String() + "/psa")
	}
	fmt.Println("api http://" + l.Addr().String())
	fmt.Println("peer " + n.address())
	ended := make(chan struct{})
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		close(ended)
	}()
	select {
	case err := <-served:
		return err
	case <-ended:
		return nil
	}
}

func errored(serve func(net.Listener, http.Handler) error, l net.Listener, h http.Handler) <-chan error {
	out := make(chan error, 1)
	go func() { out <- serve(l, h) }()
	return out
}

// allowed refuses as Kubo does with API.Authorizations.
func allowed(token string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if token != "" && r.Header.Get("Authorization") != token {
			http.Error(w, "Kubo RPC Access Denied: Please provide a valid authorization token as defined in the API.Authorizations configuration.", http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
}
