package kubo

import (
	"context"
	"debug/buildinfo"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins"
	"github.com/q-ecosystem/runbook/plugins/kubo/kubotest"
	"github.com/q-ecosystem/runbook/plugins/plugintest"
	"github.com/q-ecosystem/runbook/stdlib"
)

type obj = map[string]any

// patience bounds the waits for conditions.
const patience = time.Minute

// nodeSource is where the program is that runs a node; a module of its own.
const nodeSource = "../../examples/bench/ipfsnode"

var built struct {
	once    sync.Once
	dir     string
	program string
	err     error
}

func TestMain(m *testing.M) {
	code := plugintest.Main(m, New())
	if built.dir != "" {
		_ = os.RemoveAll(built.dir)
	}
	os.Exit(code)
}

// nodeProgram builds the node, once.
func nodeProgram(t *testing.T) string {
	t.Helper()
	built.once.Do(func() {
		if built.dir, built.err = os.MkdirTemp("", "rb-ipfs"); built.err != nil {
			return
		}
		built.program, built.err = kubotest.Build(nodeSource, built.dir)
	})
	if built.err != nil {
		if os.Getenv("RUNBOOK_REQUIRE_SERVERS") == "1" {
			t.Fatalf("%v\nRUNBOOK_REQUIRE_SERVERS=1 asks for it", built.err)
		}
		t.Skip(built.err)
	}
	return built.program
}

// testNode is a running node.
type testNode struct {
	*kubotest.Node
	token string
}

func startNode(t *testing.T, token string) *testNode {
	t.Helper()
	n, err := kubotest.Start(nodeProgram(t), token)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(n.Stop)
	return &testNode{n, token}
}

// id returns the name of the node in the network.
func (n *testNode) id() string { return n.Peer[strings.LastIndex(n.Peer, "/")+1:] }

// command gives the node a command directly, and returns its answer.
func (n *testNode) command(t *testing.T, command string, args ...string) []obj {
	t.Helper()
	q := url.Values{}
	for i := 0; i+1 < len(args); i += 2 {
		q.Add(args[i], args[i+1])
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, n.API+"/api/v0/"+command+"?"+q.Encode(), nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", n.token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var values []obj
	d := json.NewDecoder(resp.Body)
	for {
		var v obj
		err := d.Decode(&v)
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatalf("%s: %v", command, err)
		}
		values = append(values, v)
	}
	if resp.StatusCode != http.StatusOK || resp.Trailer.Get("X-Stream-Error") != "" {
		t.Fatalf("%s: %s %v %v", command, resp.Status, values, resp.Trailer)
	}
	return values
}

// blocks lists all blocks of content, the root first.
func (n *testNode) blocks(t *testing.T, root string) []string {
	t.Helper()
	list := []string{root}
	for _, v := range n.command(t, "refs", "arg", root, "recursive", "true", "unique", "true", "offline", "true") {
		list = append(list, v["Ref"].(string))
	}
	return list
}

// meet connects two nodes, so that each asks the other.
func meet(t *testing.T, a, b *testNode) {
	t.Helper()
	a.command(t, "swarm/connect", "arg", b.Peer)
	b.command(t, "swarm/connect", "arg", a.Peer)
}

// twoNodes returns a backend with the nodes main, which calls mean without
// one, and backup.
func twoNodes(t *testing.T) (b *Backend, main, backup *testNode) {
	t.Helper()
	main, backup = startNode(t, ""), startNode(t, "Bearer backup-secret")
	return backend(t, config(main, backup)), main, backup
}

func config(main, backup *testNode) obj {
	return obj{"node": "main", "nodes": obj{"main": obj{"api": main.API}, "backup": obj{"api": backup.API, "token": backup.token}}}
}

func backend(t *testing.T, c obj) *Backend {
	t.Helper()
	b, err := configured(c)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func configured(c obj) (*Backend, error) {
	b := New()
	checked, err := effect.CheckFields(b.Describe().Config, nil, c)
	if err != nil {
		return nil, err
	}
	return b, b.Configure(context.Background(), checked)
}

// request makes a request as the engine does.
func request(t *testing.T, op string, args obj) plugins.Request {
	t.Helper()
	contract, _ := stdlib.Contract("ipfs")
	for _, o := range contract.Ops {
		if o.Name == op {
			checked, err := o.Check(args)
			if err != nil {
				t.Fatalf("%s %v: %v", op, args, err)
			}
			return plugins.Request{Op: op, Args: checked, Key: "key", Attempt: 1, Progress: func(string) {}}
		}
	}
	t.Fatalf("no op %s", op)
	return plugins.Request{}
}

func invoke(t *testing.T, b *Backend, op string, args obj) (obj, *effect.Error) {
	t.Helper()
	v, err := b.Invoke(t.Context(), request(t, op, args))
	m, _ := v.(obj)
	return m, effect.AsError(err)
}

func must(t *testing.T, b *Backend, op string, args obj) obj {
	t.Helper()
	v, err := invoke(t, b, op, args)
	if err != nil {
		t.Fatalf("%s %v: %v", op, args, err)
	}
	return v
}

func fails(t *testing.T, b *Backend, op string, args obj, code effect.Code, says string) {
	t.Helper()
	v, e := invoke(t, b, op, args)
	if e == nil || e.Code != code || !strings.Contains(e.Message+" | "+e.Hint, says) {
		t.Errorf("%s %v: got %v, %v, want %s, %q", op, args, v, e, code, says)
	}
	if e != nil && e.Hint == "" {
		t.Errorf("%s %v: %v says nothing of what to do", op, args, e)
	}
}

// write makes a file of a length whose blocks all differ; seed makes it
// another file.
func write(t *testing.T, path string, seed, length int) string {
	t.Helper()
	data := make([]byte, 0, length+32)
	for i := 0; len(data) < length; i++ {
		data = fmt.Appendf(data, "%d-%d,", seed, i)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data[:length], 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// testedOn is what the node is made of.
func testedOn(t *testing.T) plugintest.System {
	t.Helper()
	info, err := buildinfo.ReadFile(nodeProgram(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range info.Deps {
		if m.Path == "github.com/ipfs/boxo" {
			return plugintest.System{Name: "a node of boxo", Version: strings.TrimPrefix(m.Version, "v")}
		}
	}
	t.Fatal("the node has no part of boxo")
	return plugintest.System{}
}
