package databasetest

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"testing"

	"github.com/q-ecosystem/runbook/plugins"
)

// victimEnv makes a test binary a process that carries one request out, and is
// killed meanwhile.
const victimEnv = "RUNBOOK_TEST_VICTIM"

type order struct {
	Backend string
	Config  obj
	Op      string
	Key     string
	Args    obj
}

// Victim is for TestMain: in a process that kill started a backend
// of that name carries the request out and does not return.
func Victim(backends ...plugins.Backend) {
	text := os.Getenv(victimEnv)
	if text == "" {
		return
	}
	runtime.LockOSThread() // children that end with their parent's thread are not to end before
	var o order
	if err := json.Unmarshal([]byte(text), &o); err != nil {
		panic(err)
	}
	b := backends[slices.IndexFunc(backends, func(b plugins.Backend) bool { return b.Describe().Name == o.Backend })]
	if err := b.Configure(context.Background(), o.Config); err != nil {
		panic(err)
	}
	fmt.Println("begins")
	_, err := b.Invoke(context.Background(), plugins.Request{Op: o.Op, Args: o.Args, Key: o.Key, Attempt: 1, Progress: func(string) {}})
	fmt.Println("ended", err)
	select {} // until it is killed
}

// Kill carries a request out in a process that is killed once await returns.
func Kill(t *testing.T, backend string, config obj, req plugins.Request, await func()) {
	t.Helper()
	text, err := json.Marshal(order{backend, config, req.Op, req.Key, req.Args})
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
	await()
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
}
