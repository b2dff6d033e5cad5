package sqlite

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
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
	many, rounds := 0, 12
	if testing.Short() {
		rounds = 4
	}
	for _, mode := range []string{"wal", "delete"} {
		live := file(t, mode)
		do(t, live, "CREATE TABLE bulk (x); WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 60000) INSERT INTO bulk SELECT hex(randomblob(20)) FROM n; CREATE TABLE log (key)")
		c := config(live)
		c["migrate"] = migrations(t)
		b := backend(t, c)
		must(t, b, "backup", obj{})
		made := func(pattern string) func() bool {
			return func() bool { got, _ := filepath.Glob(pattern); return len(got) > 0 }
		}
		for _, op := range []string{"exec", "backup", "restore", "swap", "migrate"} {
			t.Run(mode+" "+op, func(t *testing.T) {
				random := rand.New(rand.NewPCG(7, uint64(len(op))))
				seen := map[effect.Observed]int{}
				longest := 40 * time.Millisecond
				for n := 0; n < rounds || (seen[effect.Applied] == 0 || seen[effect.NotApplied] == 0) && n < 80; n++ {
					many++
					key := fmt.Sprintf("%s-%s-%d", mode, op, many)
					var args obj
					there := func() bool { return false }
					switch op {
					case "exec":
						args = obj{"sql": "INSERT INTO log SELECT ? FROM bulk LIMIT 30000", "params": []any{key}}
						there = func() bool { return ask(t, live, "SELECT count(*) FROM log WHERE key = '"+key+"'") == "30000" }
					case "backup":
						args = obj{}
						there = made(filepath.Join(c["backups"].(string), "full-*-"+(&job{key: key}).id()+".db"))
					case "restore":
						args = obj{"copy": key}
						there = made(filepath.Join(live+".copies", key, "data.db"))
					case "swap":
						must(t, b, "restore", obj{"copy": key})
						do(t, filepath.Join(live+".copies", key, "data.db"), "CREATE TABLE \"t"+key+"\" (x); PRAGMA journal_mode=DELETE")
						args = obj{"copy": key}
						there = func() bool {
							return ask(t, live, "SELECT count(*) FROM sqlite_schema WHERE name = 't"+key+"'") == "1" && made(filepath.Join(live+".copies", key+"_before"))()
						}
					case "migrate":
						to := 1 + many%3
						args = obj{"to": float64(to)}
						before := ask(t, live, "SELECT max(version) FROM schema_versions")
						there = func() bool {
							return before != fmt.Sprint(to) && ask(t, live, "SELECT max(version) FROM schema_versions") == fmt.Sprint(to)
						}
					}
					req := request(t, op, key, args)
					if seen[effect.NotApplied] == 0 {
						longest = longest * 3 / 4
					} else if seen[effect.Applied] == 0 {
						longest *= 2
					}
					killed(t, c, req, time.Duration(random.Int64N(int64(longest))))
					got, err := b.Observe(t.Context(), req)
					if err != nil {
						t.Fatalf("observe %s: %v", key, err)
					}
					is := there()
					if op != "migrate" && (got.State == effect.Applied) != is || op == "migrate" && got.State == effect.NotApplied && is {
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
					for _, name := range remains(t, filepath.Dir(live)) {
						t.Errorf("%s left %s behind", key, name)
					}
				}
				if seen[effect.Applied] == 0 || seen[effect.NotApplied] == 0 {
					t.Errorf("all ended alike: %v", seen)
				}
				t.Logf("killed %v", seen)
			})
		}
		must(t, b, "validate", obj{})
	}
}
