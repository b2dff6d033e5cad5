package plugins

import (
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"syscall"

	"github.com/hashicorp/go-hclog"
	goplugin "github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"

	"github.com/q-ecosystem/runbook/plugins/internal/wire"
)

// Serve runs the backend as a plugin until the host is done with it, and is
// the last thing that main does. Started by a person instead of by runbook,
// it says what the program is and exits with status 2.
//
// The process outlives Ctrl-C and SIGTERM, which reach it together with the
// host: the host decides how an effect under way ends. When the host is gone,
// however that came, the process exits at once.
func Serve(b Backend) {
	handshake := wire.Handshake()
	if os.Getenv(handshake.MagicCookieKey) != handshake.MagicCookieValue {
		introduce(os.Stderr, os.Args[0], newServer(b).desc)
		os.Exit(2)
	}
	endWithHost()
	outliveSignals()

	srv := newServer(b)
	stderr := os.Stderr
	srv.first = func() {
		// go-plugin routes both through a gRPC stream, where what was said just
		// before a crash gets lost. The process's own stderr keeps it.
		os.Stdout, os.Stderr = stderr, stderr
		for _, name := range wire.Environment() {
			_ = os.Unsetenv(name)
		}
	}
	goplugin.Serve(&goplugin.ServeConfig{
		HandshakeConfig: handshake,
		VersionedPlugins: wire.Protocols(func(s grpc.ServiceRegistrar) {
			wire.RegisterBackendServer(s, srv)
		}),
		GRPCServer: func(opts []grpc.ServerOption) *grpc.Server {
			return grpc.NewServer(append(opts, grpc.MaxRecvMsgSize(wire.MaxMessage), grpc.MaxSendMsgSize(wire.MaxMessage),
				grpc.InitialWindowSize(wire.Window), grpc.InitialConnWindowSize(wire.Window))...)
		},
		Logger: hclog.NewNullLogger(),
	})
}

// endWithHost exits when the pipe that the host holds open closes: it does so
// even when the host was killed.
func endWithHost() {
	fd, err := strconv.Atoi(os.Getenv(wire.LifeEnv))
	if err != nil {
		return // a host of another kind, which looks after the process itself
	}
	syscall.CloseOnExec(fd)
	pipe := os.NewFile(uintptr(fd), "life")
	go func() {
		_, _ = io.Copy(io.Discard, pipe)
		os.Exit(1)
	}()
}

// outliveSignals takes the signals that a terminal or a service manager sends
// to every process at once. They are taken and not ignored, because children
// would inherit that.
func outliveSignals() {
	ch := make(chan os.Signal, 8)
	signal.Notify(ch, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	go func() {
		for range ch {
		}
	}()
}

// introduce tells a person what the program is.
func introduce(w io.Writer, program string, d Description) {
	_, _ = fmt.Fprintf(w, `%s is a plugin of runbook: the backend %s, which carries the module %s.
%s

It is started by runbook and serves nobody else. To use it:
  1. name the file runbook-plugin-%[2]s and put it into runbook's plugin directory
  2. runbook plugins verify
  3. in runbook.yaml, let the backend %[2]s carry the module %[3]s
`, filepath.Base(program), d.Name, d.Module, d.Doc)
}
