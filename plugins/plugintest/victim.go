package plugintest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
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

// begins is the line that a victim writes before its request.
const begins = "begins\n"

type order struct {
	Backend string
	Config  map[string]any
	Op      string
	Key     string
	Args    map[string]any
}

// Victim is for TestMain: in a process that Kill started a backend of that name
// carries the request out, and it does not return.
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
	if err := Configure(b, o.Config); err != nil {
		panic(err)
	}
	fmt.Print(begins)
	_, err := b.Invoke(context.Background(), plugins.Request{Op: o.Op, Args: o.Args, Key: o.Key, Attempt: 1, Progress: func(string) {}})
	fmt.Println("ended", err)
	_, _ = io.Copy(io.Discard, os.Stdin) // until it is killed, or the test ends
	os.Exit(1)
}

// Kill carries a request out in a process that is killed once await returns.
// It reports whether the request had ended by then.
func Kill(t *testing.T, backend string, config map[string]any, req plugins.Request, await func()) (ended bool) {
	t.Helper()
	text, err := json.Marshal(order{backend, config, req.Op, req.Key, req.Args})
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), victimEnv+"="+string(text))
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(out, make([]byte, len(begins))); err != nil {
		t.Fatal(err)
	}
	await()
	_ = cmd.Process.Kill()
	said, _ := io.ReadAll(out)
	_ = cmd.Wait()
	return bytes.HasPrefix(said, []byte("ended"))
}
