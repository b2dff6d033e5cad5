// Caddyserver is Caddy for the tests of the backend caddy: its own core, HTTP
// server, reverse proxy and admin API, without the rest of the standard modules
// and without its command. It runs the configuration, JSON, that a file holds,
// and ends when its standard input does.
//
//	caddyserver FILE
//	caddyserver -version
package main

import (
	"fmt"
	"io"
	"os"
	"runtime/debug"

	"github.com/caddyserver/caddy/v2"
	_ "github.com/caddyserver/caddy/v2/modules/caddyhttp"
	_ "github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"
)

const module = "github.com/caddyserver/caddy/v2"

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: caddyserver FILE|-version")
		os.Exit(2)
	}
	if err := run(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "caddyserver:", err)
		os.Exit(1)
	}
}

func run(arg string) error {
	if arg == "-version" {
		info, _ := debug.ReadBuildInfo()
		for _, m := range info.Deps {
			if m.Path == module {
				fmt.Println(m.Version)
			}
		}
		return nil
	}
	config, err := os.ReadFile(arg)
	if err != nil {
		return err
	}
	if err := caddy.Load(config, true); err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}
