package plugintest

import (
	"bufio"
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

const (
	// begins is the line that a victim writes before its request.
	begins = "begins\n"
	// endedWell is the line that it writes after one that succeeded.
	endedWell = "ended <nil>\n"
)

type order struct {
	Backend string
	Config  map[string]any
	Op      string
	Key     string
	Args    map[string]any
	Hold    bool // the backend is not asked
}

// victim returns at once, but in a process that Kill started: there a backend of
// that name carries the request out, and it does not return.
func victim(backends ...plugins.Backend) {
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
	if !o.Hold {
		_, err := b.Invoke(context.Background(), plugins.Request{Op: o.Op, Args: o.Args, Key: o.Key, Attempt: 1, Progress: func(string) {}})
		fmt.Println("ended", err)
	}
	_, _ = io.Copy(io.Discard, os.Stdin) // until it is killed, or the test ends
	os.Exit(1)
}

// Kill carries a request out in a process that is killed once await returns.
func Kill(t *testing.T, backend string, config map[string]any, req plugins.Request, await func()) {
	t.Helper()
	kill(t, order{backend, config, req.Op, req.Key, req.Args, false}, func(<-chan string) { await() })
}

// kill kills a process that has an order once await returns, which is told how
// the request ended, if it does: "" is a process that ended by itself.
func kill(t *testing.T, o order, await func(ended <-chan string)) {
	t.Helper()
	toll.kill(o.Backend, o.Op)
	text, err := json.Marshal(o)
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
	lines := bufio.NewReader(out)
	if said, err := lines.ReadString('\n'); said != begins {
		t.Fatalf("the process that is to be killed said %q, %v", said, err)
	}
	ended, closed := make(chan string, 1), make(chan struct{})
	go func() {
		said, _ := lines.ReadString('\n')
		ended <- said
		_, _ = io.Copy(io.Discard, lines)
		close(closed)
	}()
	defer func() { // whatever await finds, nothing goes on
		_ = cmd.Process.Kill()
		<-closed
		_ = cmd.Wait()
	}()
	if await != nil {
		await(ended)
	}
}
