package postgres

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins"
)

// victimEnv makes this binary a process that carries one request out, and is
// killed meanwhile.
const victimEnv = "RUNBOOK_TEST_VICTIM"

type order struct {
	Config obj
	Op     string
	Key    string
	Args   obj
}

func victim(text string) {
	var o order
	if err := json.Unmarshal([]byte(text), &o); err != nil {
		panic(err)
	}
	b := New()
	if err := b.Configure(context.Background(), o.Config); err != nil {
		panic(err)
	}
	fmt.Println("begins")
	_, err := b.Invoke(context.Background(), plugins.Request{Op: o.Op, Args: o.Args, Key: o.Key, Attempt: 1, Progress: func(string) {}})
	fmt.Println("ended", err)
	select {} // until it is killed
}

// killed carries a request out in a process that is killed after a delay.
func killed(t *testing.T, c obj, req plugins.Request, delay time.Duration) {
	t.Helper()
	text, err := json.Marshal(order{c, req.Op, req.Key, req.Args})
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), victimEnv+"="+string(text))
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := out.Read(make([]byte, 7)); err != nil {
		t.Fatal(err)
	}
	time.Sleep(delay) // any moment will do; none is waited for
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
}

// TestKilled kills the backend at moments before, within and after each change,
// and holds what Observe says against what is there. A repetition with the
// same key ends with the change made once.
func TestKilled(t *testing.T) {
	l := newLab(t)
	a := l.primary("a")
	r := a.replica("b")
	c := l.config(a)
	c["migrate"] = migrations(t)
	b := backend(t, c)
	a.do("CREATE TABLE log (key text)")
	must(t, b, "backup", obj{})
	many, rounds := 0, 4
	if testing.Short() {
		rounds = 2
	}
	made := func(pattern string) func() bool {
		return func() bool { got, _ := filepath.Glob(pattern); return len(got) > 0 }
	}
	for _, op := range []string{"exec", "backup", "restore", "migrate", "promote", "swap"} {
		t.Run(op, func(t *testing.T) {
			random := rand.New(rand.NewPCG(7, uint64(len(op))))
			seen := map[effect.Observed]int{}
			longest := map[string]time.Duration{"exec": 300 * time.Millisecond, "migrate": 600 * time.Millisecond, "promote": 200 * time.Millisecond}[op]
			if longest == 0 {
				longest = 4 * time.Second
			}
			b, c := b, c
			if op == "promote" {
				c = l.config(a, r)
				b = backend(t, c)
			}
			for n := 0; n < rounds || (seen[effect.Applied] == 0 || seen[effect.NotApplied] == 0) && n < 20; n++ {
				many++
				key := fmt.Sprintf("%s-%d", op, many)
				var args obj
				there := func() bool { return false }
				switch op {
				case "exec":
					args = obj{"sql": "INSERT INTO log SELECT $1 FROM generate_series(1, 30000)", "params": []any{key}}
					there = func() bool { return a.do("SELECT count(*) FROM log WHERE key = '"+key+"'") == "30000" }
				case "backup":
					args = obj{}
					there = made(filepath.Join(l.dir, "backups", "full-*-"+(&job{key: key}).id()))
				case "restore":
					args = obj{"copy": key}
					there = made(filepath.Join(l.dir, "copies", key, "data"))
				case "swap":
					must(t, b, "restore", obj{"copy": key})
					a.do("CREATE TABLE IF NOT EXISTS swapped (key text); INSERT INTO swapped VALUES ('" + key + "')")
					args = obj{"copy": key}
					there = func() bool {
						n, err := a.psql("SELECT count(*) FROM swapped WHERE key = '" + key + "'")
						return (err == nil && n == "0" || err != nil && n != "" && running(a.data)) && made(filepath.Join(l.dir, "copies", key+"_before"))()
					}
				case "migrate":
					args = obj{"to": float64(1 + many%3)}
				case "promote":
					args = obj{"node": "b"}
					there = func() bool { return r.do("SELECT pg_is_in_recovery()") == "f" }
				}
				req := request(t, op, key, args)
				if seen[effect.NotApplied] == 0 && n >= rounds {
					longest /= 2
				} else if seen[effect.Applied] == 0 && n >= rounds {
					longest = longest * 3 / 2
				}
				killed(t, c, req, time.Duration(random.Int64N(int64(longest))))
				got, err := b.Observe(t.Context(), req)
				if err != nil {
					t.Fatalf("observe %s: %v", key, err)
				}
				if is := there(); op != "migrate" && (got.State == effect.Applied) != is {
					t.Fatalf("%s: observed %q, and the change is there: %t", key, got.State, is)
				}
				seen[got.State]++
				if got.State != effect.Applied {
					if _, err := b.Invoke(t.Context(), req); err != nil {
						t.Fatalf("again %s: %v", key, err)
					}
				}
				if op != "migrate" && !there() {
					t.Fatalf("%s: the change is not there once", key)
				}
				if got, err := b.Observe(t.Context(), req); err != nil || got.State != effect.Applied {
					t.Fatalf("%s in the end: %+v, %v", key, got, err)
				}
				if op == "promote" {
					break // there is no way back
				}
			}
			if op != "promote" && (seen[effect.Applied] == 0 || seen[effect.NotApplied] == 0) {
				t.Errorf("all ended alike: %v", seen)
			}
			t.Logf("killed %v", seen)
		})
	}
	// What killed processes left goes with the next that starts a server.
	must(t, b, "restore", obj{"copy": "last"})
	if sockets, _ := filepath.Glob("/tmp/" + socketDir + "*"); len(sockets) > 0 {
		for _, s := range sockets {
			number, _, _ := strings.Cut(strings.TrimPrefix(filepath.Base(s), socketDir), "-")
			if pid, err := strconv.Atoi(number); err == nil && syscall.Kill(pid, 0) != nil {
				t.Errorf("left behind: %s", s)
			}
		}
	}
	if hidden, _ := filepath.Glob(filepath.Join(l.dir, "*", ".part*")); len(hidden) > 0 {
		t.Errorf("left behind: %v", hidden)
	}
	must(t, b, "validate", obj{})
}
