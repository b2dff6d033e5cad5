package pinning

import (
	"debug/buildinfo"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins"
	"github.com/q-ecosystem/runbook/plugins/kubo"
	"github.com/q-ecosystem/runbook/plugins/kubo/kubotest"
	"github.com/q-ecosystem/runbook/plugins/plugintest"
	"github.com/q-ecosystem/runbook/stdlib"
)

type obj = map[string]any

const token = "access-token-of-the-tests"

var program struct {
	once      sync.Once
	dir, path string
	err       error
}

func TestMain(m *testing.M) {
	code := plugintest.Main(m, New())
	if program.dir != "" {
		_ = os.RemoveAll(program.dir)
	}
	os.Exit(code)
}

// nodeProgram builds the node, once.
func nodeProgram(t *testing.T) string {
	t.Helper()
	program.once.Do(func() {
		if program.dir, program.err = os.MkdirTemp("", "rb-ipfs"); program.err == nil {
			program.path, program.err = kubotest.Build("../../examples/bench/ipfsnode", program.dir)
		}
	})
	if program.err != nil {
		if os.Getenv("RUNBOOK_REQUIRE_SERVERS") == "1" {
			t.Fatalf("%v\nRUNBOOK_REQUIRE_SERVERS=1 asks for it", program.err)
		}
		t.Skip(program.err)
	}
	return program.path
}

func startNode(t *testing.T, flags ...string) *kubotest.Node {
	t.Helper()
	n, err := kubotest.Start(nodeProgram(t), "", flags...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(n.Stop)
	return n
}

// order gives a node a command.
func order(t *testing.T, n *kubotest.Node, command string) {
	t.Helper()
	resp, err := http.Post(n.API+"/api/v0/"+command, "", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if said, err := io.ReadAll(resp.Body); err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s %s %v", command, resp.Status, said, err)
	}
}

// meet connects two nodes, so that each asks the other.
func meet(t *testing.T, a, b *kubotest.Node) {
	t.Helper()
	order(t, a, "swarm/connect?arg="+url.QueryEscape(b.Peer))
	order(t, b, "swarm/connect?arg="+url.QueryEscape(a.Peer))
}

// testedOn is a pinning service that pins on a node.
func testedOn(t *testing.T) plugintest.System {
	t.Helper()
	on := plugintest.System{Name: "a service on a node of boxo"}
	info, err := buildinfo.ReadFile(nodeProgram(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range info.Deps {
		if m.Path == "github.com/ipfs/boxo" {
			on.Version = strings.TrimPrefix(m.Version, "v")
		}
	}
	return on
}

// lab is a pinning service, and a node of ours that has content.
type lab struct {
	service, own *kubotest.Node
	maker        *kubo.Backend
	dir          string
	seed         int
}

func newLab(t *testing.T) *lab {
	t.Helper()
	l := &lab{service: startNode(t, "-pinning", token), own: startNode(t), dir: t.TempDir()}
	l.maker = plugintest.Configured(t, kubo.New(), obj{"nodes": obj{"own": obj{"api": l.own.API}, "service": obj{"api": l.service.API}}, "node": "own"})
	return l
}

// content makes some of a length, which our node has, and returns its CID.
func (l *lab) content(t *testing.T, length int) string {
	t.Helper()
	l.seed++
	path := filepath.Join(l.dir, fmt.Sprint("file", l.seed))
	if err := os.WriteFile(path, []byte(strings.Repeat(fmt.Sprintf("%d;", l.seed), length)), 0o600); err != nil {
		t.Fatal(err)
	}
	v, err := l.maker.Invoke(t.Context(), request(t, "add", obj{"path": path}))
	if err != nil {
		t.Fatal(err)
	}
	return v.(obj)["cid"].(string)
}

// whole asks the service's node itself whether it holds all blocks.
func (l *lab) whole(t *testing.T, cid string) bool {
	t.Helper()
	_, err := l.maker.Invoke(t.Context(), request(t, "validate", obj{"cid": cid, "node": "service"}))
	return err == nil
}

func (l *lab) backend(t *testing.T) *Backend {
	t.Helper()
	return plugintest.Configured(t, New(), config(l.service.Pinning))
}

func config(url string) obj {
	return obj{"services": obj{"main": obj{"url": url, "token": token}}, "every": "20ms"}
}

func request(t *testing.T, op string, args obj) plugins.Request {
	t.Helper()
	contract, _ := stdlib.Contract("ipfs")
	return plugintest.Request(t, contract, op, "key", args)
}

func invoke(t *testing.T, b *Backend, op string, args obj) (obj, *effect.Error) {
	t.Helper()
	v, err := b.Invoke(t.Context(), request(t, op, args))
	m, _ := v.(obj)
	return m, effect.AsError(err)
}

func must(t *testing.T, b *Backend, op string, args obj) obj {
	t.Helper()
	v, e := invoke(t, b, op, args)
	if e != nil {
		t.Fatalf("%s %v: %v", op, args, e)
	}
	return v
}

func fails(t *testing.T, b *Backend, op string, args obj, code effect.Code, says string) {
	t.Helper()
	v, e := invoke(t, b, op, args)
	if e == nil || e.Code != code || !strings.Contains(e.Message+" | "+e.Hint, says) {
		t.Errorf("%s %v: got %v, %v, want %s, %q", op, args, v, e, code, says)
		return
	}
	if e.Hint == "" || strings.Contains(e.Message+e.Hint, token) {
		t.Errorf("%s %v: %v says nothing of what to do, or the token", op, args, e)
	}
}
