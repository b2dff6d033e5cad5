package host

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"
	goplugin "github.com/hashicorp/go-plugin"
	pluginrunner "github.com/hashicorp/go-plugin/runner"
	"google.golang.org/grpc"

	"github.com/q-ecosystem/runbook/interpreter/redact"
	"github.com/q-ecosystem/runbook/plugins"
	"github.com/q-ecosystem/runbook/plugins/internal/output"
	"github.com/q-ecosystem/runbook/plugins/internal/wire"
)

// process is one plugin under way: launched, connected, described. It does
// not come back to life; the backend launches another.
type process struct {
	client   *goplugin.Client
	runner   *runner
	remote   *Remote
	desc     plugins.Description
	standard bool // its module has a contract

	gone     sync.Once
	calls    atomic.Int64 // under way
	answered atomic.Bool  // it answered at least one call
}

// launchOptions is what all processes of a host share.
type launchOptions struct {
	socketDir    string // 0700
	startTimeout time.Duration
	grace        time.Duration
	log          func(backend, line string)
	known        *redact.Known // what no plugin is to be heard saying
}

const (
	// maxSaidLines and maxSaidBytes bound what of a plugin's output is shown in a
	// second: it is for a person's eyes.
	maxSaidLines = 2000
	maxSaidBytes = 1 << 20
)

// launch starts a plugin and asks it what it is. It gives up when ctx ends or
// the start takes too long; then nothing is left running.
func launch(ctx context.Context, spec Spec, opt launchOptions) (*process, error) {
	img, args, err := spec.command()
	if err != nil {
		return nil, err
	}
	defer img.close()
	r := newRunner(img, args, spec.environment(), spec.Dir)
	p := &process{runner: r}
	shown := &output.Throttle{Tell: func(line string) { opt.log(spec.Name, line) }, Lines: maxSaidLines, Bytes: maxSaidBytes}
	heard := func() io.Writer {
		w := opt.known.Writer(&lines{emit: func(line string) { r.remember(line); shown.Line(line) }})
		r.flush = append(r.flush, w.Flush)
		return w
	}
	stderr, syncStdout, syncStderr := heard(), heard(), heard()
	r.flush = append(r.flush, shown.Over) // after them
	p.client = goplugin.NewClient(&goplugin.ClientConfig{
		HandshakeConfig:  wire.Handshake(),
		VersionedPlugins: wire.Protocols(nil),
		RunnerFunc: func(_ hclog.Logger, cmd *exec.Cmd, _ string) (pluginrunner.Runner, error) {
			r.cmd.Env = append(r.cmd.Env, cmd.Env...) // the handshake's variables
			return r, nil
		},
		SkipHostEnv:      true,
		AllowedProtocols: []goplugin.Protocol{goplugin.ProtocolGRPC},
		UnixSocketConfig: &goplugin.UnixSocketConfig{TempDir: opt.socketDir},
		StartTimeout:     2 * opt.startTimeout, // ours comes first, and says so
		Logger:           hclog.NewNullLogger(),
		Stderr:           stderr,
		SyncStdout:       syncStdout,
		SyncStderr:       syncStderr,
		GRPCDialOptions: []grpc.DialOption{
			grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(wire.MaxAnswer), grpc.MaxCallSendMsgSize(wire.MaxMessage)),
			grpc.WithInitialWindowSize(wire.Window), grpc.WithInitialConnWindowSize(wire.Window),
		},
	})
	ctx, cancel := context.WithTimeoutCause(ctx, opt.startTimeout, fmt.Errorf("it was not ready within %v", opt.startTimeout))
	defer cancel()
	// go-plugin's start cannot be canceled; without the process it ends.
	stop := context.AfterFunc(ctx, func() { _ = r.Kill(ctx) })
	defer stop()
	if err := p.connect(ctx, spec.Name, opt.grace); err != nil {
		cause := context.Cause(ctx) // of our own giving up, if we did
		if cause != nil {
			err = cause
		}
		return nil, p.explain(spec, err, cause != nil)
	}
	return p, nil
}

// connect goes through go-plugin's handshake and asks for the description.
func (p *process) connect(ctx context.Context, name string, grace time.Duration) error {
	protocol, err := p.client.Client()
	if err != nil {
		return err
	}
	raw, err := protocol.Dispense(wire.Service)
	if err != nil {
		return err
	}
	conn, ok := raw.(*grpc.ClientConn)
	if !ok {
		return fmt.Errorf("go-plugin dispensed a %T", raw)
	}
	p.remote = NewRemote(conn, name, grace)
	p.desc, err = p.remote.Describe(ctx)
	return err
}

// explain ends the process and says why its start failed, in words that help:
// go-plugin's own are about its protocol. How the process ended says nothing
// if we gave up on it.
func (p *process) explain(spec Spec, cause error, gaveUp bool) error {
	var parts []string
	if p.runner.ID() != "" && !gaveUp {
		if how := p.runner.ended(drain); how != "" {
			parts = append(parts, "it ended with "+how)
		}
	}
	p.kill() // all that it said has been read then
	hello, said := p.runner.words()
	fields := strings.Split(hello, "|")
	version, versionErr := 0, errors.New("no version")
	if len(fields) >= 5 {
		version, versionErr = strconv.Atoi(fields[1])
	}
	switch {
	case versionErr == nil && !slices.Contains(wire.Versions(), version):
		return fmt.Errorf("start plugin %s: it speaks version %d of the plugin protocol, this program speaks %v: %s",
			spec.Name, version, wire.Versions(), olderSide(version))
	case hello == "" && len(parts) > 0:
		parts[0] += " before it was ready"
	case versionErr == nil || hello == "":
		parts = append(parts, cause.Error())
	default:
		parts = append(parts, fmt.Sprintf("it wrote %q where the handshake belongs: is it a plugin of runbook, and silent on its standard output?", hello))
	}
	if said != "" {
		parts = append(parts, "it said:\n"+said)
	}
	return fmt.Errorf("start plugin %s: %s", spec.Name, strings.Join(parts, "; "))
}

func olderSide(version int) string {
	if versions := wire.Versions(); version > versions[len(versions)-1] {
		return "upgrade this program, or use an older plugin"
	}
	return "build the plugin against this version of runbook"
}

// dead reports whether the process is gone.
func (p *process) dead() bool {
	select {
	case <-p.runner.exited:
		return true
	default:
		return false
	}
}

// kill ends the process group now, returns when the process is gone, and
// clears up behind it.
func (p *process) kill() {
	_ = p.runner.Kill(context.Background())
	p.gone.Do(p.client.Kill)
}

// stop lets the process end by itself, within grace.
func (p *process) stop(grace time.Duration) {
	timer := time.AfterFunc(grace, func() { _ = p.runner.Kill(context.Background()) })
	defer timer.Stop()
	p.gone.Do(p.client.Kill)
}
