package lab_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/q-ecosystem/runbook/examples/lab"
	"github.com/q-ecosystem/runbook/examples/lab/systems"
)

// TestMain lets the test binary serve as the command line of the lab.
func TestMain(m *testing.M) {
	if os.Getenv("RUNBOOK_LAB_MAIN") == "1" {
		os.Exit(lab.Main(context.Background(), os.Args[1:], os.Stdout, os.Stderr))
	}
	os.Exit(m.Run())
}

// start starts a lab without steady load unless o says otherwise.
func start(t *testing.T, o lab.Options) *lab.Lab {
	t.Helper()
	if o.Dir == "" {
		o.Dir = t.TempDir()
	}
	if o.Rate == 0 {
		o.Rate = -1
	}
	l, err := lab.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

func connect(t *testing.T, dir string) *lab.Control {
	t.Helper()
	c, err := lab.Connect(dir)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// command sends runtime commands to a socket and returns the whole answer.
func command(t *testing.T, socket, text string) string {
	t.Helper()
	c, err := net.Dial("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(10 * time.Second))
	if _, err := io.WriteString(c, text+"\n"); err != nil {
		t.Fatal(err)
	}
	answer, err := io.ReadAll(c)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return string(answer)
}

// must sends runtime commands that succeed, which answer with empty lines.
func must(t *testing.T, socket, text string) {
	t.Helper()
	if answer := command(t, socket, text); strings.Trim(answer, "\n") != "" {
		t.Fatalf("%s: %q", text, answer)
	}
}

// eventually waits for a condition.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not in 20s: %s", what)
		}
	}
}

// get requests a URL and returns the status, 0 if there was no answer, and the
// answering environment.
func get(t *testing.T, url string) (status int, env string) {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 20 * time.Second}
	resp, err := client.Get(url)
	if err != nil {
		return 0, err.Error()
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode, resp.Header.Get("X-Env")
}

// spread sends n requests, eight at a time, and counts the answers of each
// environment; what is not answered well counts by its status.
func spread(t *testing.T, url string, n int) map[string]int {
	t.Helper()
	var mu sync.Mutex
	var all sync.WaitGroup
	count := map[string]int{}
	work := make(chan struct{}, n)
	for range n {
		work <- struct{}{}
	}
	close(work)
	for range 8 {
		all.Go(func() {
			for range work {
				status, env := get(t, url)
				if status != http.StatusOK {
					env = fmt.Sprint(status, " ", env)
				}
				mu.Lock()
				count[env]++
				mu.Unlock()
			}
		})
	}
	all.Wait()
	return count
}

func TestSplitIsExact(t *testing.T) {
	l := start(t, lab.Options{})
	if err := l.Deploy(t.Context(), "green", "v1.1.0"); err != nil {
		t.Fatal(err)
	}
	must(t, l.Info().Socket, "set weight web/green 10;set weight web/blue 90")
	got := spread(t, l.Info().Proxy, 1000)
	if len(got) != 2 || got["blue"] != 900 || got["green"] != 100 {
		t.Errorf("1000 requests at 90/10 went %v", got)
	}
}

func TestUndeployedTakesNoTraffic(t *testing.T) {
	l := start(t, lab.Options{})
	if status, _ := get(t, l.Info().Services["green"]+"/healthz"); status != 503 {
		t.Errorf("healthz of green before its deployment: %d", status)
	}
	must(t, l.Info().Socket, "set weight web/green 50;set weight web/blue 50")
	if got := spread(t, l.Info().Proxy, 50); got["blue"] != 50 {
		t.Errorf("50 requests went %v, green is not deployed", got)
	}
	must(t, l.Info().Socket, "set server web/blue state maint")
	resp, err := http.Get(l.Info().Proxy)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(resp.Body)
	if resp.StatusCode != 503 || !strings.Contains(string(body), "No server is available") {
		t.Errorf("without a server: %d %q", resp.StatusCode, body)
	}
}

func TestDrainLetsRequestsEnd(t *testing.T) {
	l := start(t, lab.Options{})
	info := l.Info()
	if err := l.Deploy(t.Context(), "green", "v1.1.0"); err != nil {
		t.Fatal(err)
	}
	if err := l.SetFault(t.Context(), "blue", lab.Fault{Slow: "2s"}); err != nil {
		t.Fatal(err)
	}
	type answer struct {
		status int
		env    string
	}
	answers := make(chan answer, 5)
	for range 5 {
		go func() {
			status, env := get(t, info.Proxy)
			answers <- answer{status, env}
		}()
	}
	sessions := func() int { return l.State().Servers[0].Sessions }
	eventually(t, "five sessions on blue", func() bool { return sessions() == 5 })
	must(t, info.Socket, "set weight web/green 100;set server web/blue state drain")
	if status := l.State().Servers[0].Status; status != "DRAIN" {
		t.Errorf("blue is %s", status)
	}
	if status, env := get(t, info.Proxy); status != 200 || env != "green" {
		t.Errorf("a request after the drain: %d %s", status, env)
	}
	if n := sessions(); n == 0 {
		t.Error("no session left on blue: the test was too slow to see the drain")
	}
	for range 5 {
		if a := <-answers; a != (answer{200, "blue"}) {
			t.Errorf("a request before the drain: %v", a)
		}
	}
	eventually(t, "no session on blue", func() bool { return sessions() == 0 })
}

func TestFaults(t *testing.T) {
	l := start(t, lab.Options{})
	ctx, blue := t.Context(), l.Info().Services["blue"]
	test := func(r lab.LoadRequest) lab.Stats {
		t.Helper()
		r.Env, r.Duration, r.Rate = "blue", "1s", 100
		stats, err := l.LoadTest(ctx, r)
		if err != nil {
			t.Fatal(err)
		}
		return stats
	}
	fault := func(f lab.Fault) {
		t.Helper()
		if err := l.SetFault(ctx, "blue", f); err != nil {
			t.Fatal(err)
		}
	}
	if s := test(lab.LoadRequest{}); s.Sent != 100 || s.OK != 100 || s.ByVersion["v1.0.0"] != 100 || s.P50 < time.Millisecond {
		t.Errorf("healthy: %v", s)
	}
	fault(lab.Fault{Fail: "5%"})
	if s := test(lab.LoadRequest{}); s.Failed != 5 || s.Errors["status 500"] != 5 {
		t.Errorf("fail 5%%: %v", s)
	}
	fault(lab.Fault{Clear: true, Slow: "300ms"})
	if s := test(lab.LoadRequest{}); s.Failed != 0 || s.P50 < 300*time.Millisecond {
		t.Errorf("slow 300ms: %v", s)
	}
	fault(lab.Fault{Down: true})
	if status, text := get(t, blue+"/healthz"); status != 0 || !strings.Contains(text, "refused") {
		t.Errorf("down: %d %s", status, text)
	}
	if s := test(lab.LoadRequest{}); s.OK != 0 || s.Errors["connection refused"] != 100 {
		t.Errorf("down: %v", s)
	}
	if status := l.State().Servers[0].Status; status != "DOWN" {
		t.Errorf("the proxy sees blue %s", status)
	}
	fault(lab.Fault{Clear: true})
	if status, _ := get(t, blue+"/healthz"); status != 200 {
		t.Errorf("healed: %d", status)
	}
	if got := l.State().Environments["blue"]; got.Fault != (lab.Fault{}) || got.URL != blue {
		t.Errorf("healed: %+v", got)
	}
}

// A server that dies costs its requests under way; those that cannot connect
// go to another server, before any health check notices.
func TestRefusedConnectionIsRedispatched(t *testing.T) {
	l := start(t, lab.Options{})
	if err := l.Deploy(t.Context(), "green", "v1.1.0"); err != nil {
		t.Fatal(err)
	}
	must(t, l.Info().Socket, "set weight web/green 50;set weight web/blue 50")
	stop, failed := make(chan struct{}), make(chan string, 1000)
	var sender sync.WaitGroup
	sender.Go(func() {
		// One at a time: none is under way on green while it goes down, most
		// often, and the next ones find it refusing.
		for {
			select {
			case <-stop:
				return
			default:
			}
			if status, env := get(t, l.Info().Proxy); status == 503 {
				failed <- fmt.Sprint(status, env)
			}
		}
	})
	if err := l.SetFault(t.Context(), "green", lab.Fault{Down: true}); err != nil {
		t.Fatal(err)
	}
	close(stop)
	sender.Wait()
	if len(failed) > 0 {
		t.Errorf("%d requests were refused, the first with %s", len(failed), <-failed)
	}
}

func TestNoRequestFailsWhileWeightsChange(t *testing.T) {
	l := start(t, lab.Options{Rate: 200})
	if err := l.Deploy(t.Context(), "green", "v1.1.0"); err != nil {
		t.Fatal(err)
	}
	for i := range 1000 {
		green := i % 101
		text := fmt.Sprintf("set weight web/green %d;set weight web/blue %d", green, 100-green)
		if green < 50 { // never both at 0
			text = fmt.Sprintf("set weight web/blue %d;set weight web/green %d", 100-green, green)
		}
		must(t, l.Info().Socket, text)
		switch i % 100 {
		case 40:
			must(t, l.Info().Socket, "set server web/green state drain")
		case 45:
			must(t, l.Info().Socket, "set server web/green state ready")
		}
	}
	eventually(t, "both versions answered", func() bool {
		s := l.Load()
		return s.ByVersion["v1.0.0"] > 0 && s.ByVersion["v1.1.0"] > 0 && s.Sent > 300
	})
	if s := l.Load(); s.Failed != 0 {
		t.Errorf("%v", s)
	} else {
		t.Log(s)
	}
}

func TestOneLabADirectory(t *testing.T) {
	l := start(t, lab.Options{})
	_, err := lab.Start(t.Context(), lab.Options{Dir: l.Info().Dir})
	var running *lab.RunningError
	if !errors.As(err, &running) || running.PID != os.Getpid() || !strings.Contains(err.Error(), fmt.Sprint(os.Getpid())) {
		t.Errorf("second lab: %v", err)
	}
	if connect(t, l.Info().Dir).Info().Proxy != l.Info().Proxy {
		t.Error("the first lab is not in place any more")
	}
}

func TestKilledLabIsTakenOver(t *testing.T) {
	for _, long := range []bool{false, true} {
		dir := t.TempDir()
		if long {
			dir = filepath.Join(dir, strings.Repeat("long", 30))
		}
		cmd := exec.Command(os.Args[0], "--dir", dir, "--rate", "20")
		cmd.Env = append(os.Environ(), "RUNBOOK_LAB_MAIN=1")
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
		for in := bufio.NewScanner(out); in.Scan() && !strings.Contains(in.Text(), "until Ctrl-C"); {
		}
		first := connect(t, dir).Info()
		if first.PID != cmd.Process.Pid {
			t.Fatalf("lab.json names process %d, it is %d", first.PID, cmd.Process.Pid)
		}
		_, err = lab.Start(t.Context(), lab.Options{Dir: dir})
		if err == nil || !strings.Contains(err.Error(), fmt.Sprint(cmd.Process.Pid)) {
			t.Fatalf("second lab: %v", err)
		}
		if err := cmd.Process.Signal(syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait()
		var none *lab.NotRunningError
		if _, err := lab.Connect(dir); !errors.As(err, &none) {
			t.Fatalf("connect to the killed lab: %v", err)
		}
		l := start(t, lab.Options{Dir: dir})
		if status, env := get(t, l.Info().Proxy); status != 200 || env != "blue" {
			t.Errorf("after the takeover: %d %s", status, env)
		}
		if got := command(t, l.Info().Socket, "get weight web/blue"); got != "100 (initial 100)\n\n" {
			t.Errorf("after the takeover: %q", got)
		}
		if _, err := os.Stat(first.Socket); long && !errors.Is(err, os.ErrNotExist) {
			t.Errorf("the killed lab's socket %s: %v", first.Socket, err)
		}
		_ = l.Close()
	}
}

func TestCloseLeavesNothing(t *testing.T) {
	before := runtime.NumGoroutine()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	dir := t.TempDir()
	l, err := lab.Start(ctx, lab.Options{Dir: dir, Rate: 300})
	if err != nil {
		t.Fatal(err)
	}
	info := l.Info()
	idle, err := net.Dial("unix", info.Socket)
	if err != nil {
		t.Fatal(err)
	}
	defer idle.Close()
	eventually(t, "load", func() bool { return l.Load().OK > 50 })
	cancel() // the lab ends with its context
	<-l.Done()
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	for name, url := range map[string]string{"proxy": info.Proxy, "control": info.Control, "blue": info.Services["blue"],
		"green": info.Services["green"], "webhook": info.Webhook, "smtp": "http://" + info.SMTP} {
		if status, text := get(t, url); status != 0 || !strings.Contains(text, "refused") {
			t.Errorf("%s still listens: %d %s", name, status, text)
		}
	}
	for _, path := range []string{info.Socket, filepath.Join(dir, "lab.json")} {
		if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s: %v", path, err)
		}
	}
	if s := l.Load(); s.Failed != 0 {
		t.Errorf("closing counted as failures: %v", s)
	}
	http.DefaultClient.CloseIdleConnections()
	eventually(t, "goroutines end", func() bool { return runtime.NumGoroutine() <= before })
	start(t, lab.Options{Dir: dir})
}

func TestInfoIsPrivate(t *testing.T) {
	l := start(t, lab.Options{})
	for _, name := range []string{"lab.json", "runbook.yaml", "deployments.url", "oncall.url", "haproxy.sock"} {
		st, err := os.Stat(filepath.Join(l.Info().Dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if perm := st.Mode().Perm(); perm != 0o600 {
			t.Errorf("%s: mode %o", name, perm)
		}
	}
	var info lab.Info
	data, err := os.ReadFile(filepath.Join(l.Info().Dir, "lab.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &info); err != nil || info.Socket != l.Info().Socket {
		t.Errorf("lab.json: %v %+v", err, info)
	}
}

// TestSystemsEndWithTheLab: their servers end when the lab is killed, and what
// they kept elsewhere is removed by the next one.
func TestSystemsEndWithTheLab(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("skipped: only Linux ends the children of a process that was killed")
	}
	if (&systems.BIND{}).Missing() != nil || (&systems.Postgres{}).Missing() != nil {
		t.Skip("skipped: named or PostgreSQL is not installed: apt-get install bind9 postgresql")
	}
	dir := t.TempDir()
	cmd := exec.Command(os.Args[0], "--dir", dir, "--rate", "20", "--with", "dns,postgres")
	cmd.Env = append(os.Environ(), "RUNBOOK_LAB_MAIN=1")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	said := ""
	for in := bufio.NewScanner(out); in.Scan() && !strings.Contains(in.Text(), "until Ctrl-C"); {
		said += in.Text() + "\n"
		if len(in.Text()) > 80 && !strings.Contains(in.Text(), dir) {
			t.Errorf("more than 80 columns: %s", in.Text())
		}
	}
	info := connect(t, dir).Info()
	at := map[string]string{}
	for _, line := range info.Systems {
		at[line.Name] = line.Where
	}
	if at["dns"] == "" || at["db-a"] == "" || at["pager"] == "" || at["web-1"] != "" || !strings.Contains(said, at["db-b"]) {
		t.Fatalf("%v\n%s", info.Systems, said)
	}
	if err := cmd.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	for _, name := range []string{"dns", "resolver", "db-a", "db-b"} {
		eventually(t, name+" ends", func() bool {
			conn, err := net.Dial("tcp", at[name])
			if err == nil {
				_ = conn.Close()
			}
			return err != nil
		})
	}
	kept, _ := os.ReadFile(filepath.Join(dir, "lab.elsewhere"))
	l := start(t, lab.Options{Dir: dir})
	for _, path := range append(strings.Fields(string(kept)), filepath.Join(dir, "lab.systems", "dns")) {
		if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s of the lab that was killed: %v", path, err)
		}
	}
	_ = l.Close()
	if left, err := os.ReadDir(filepath.Join(dir, "lab.systems")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a closed lab leaves %v, %v", left, err)
	}
}

// TestLeftOut: what is not there is left out, unless it was asked for by name.
func TestLeftOut(t *testing.T) {
	t.Setenv("PATH", t.TempDir()) // has no ipfsnode
	l := start(t, lab.Options{With: []string{lab.All}})
	var why string
	for _, a := range l.Info().Absent {
		if a.Name == "ipfs" {
			why = a.Why
		}
	}
	if why != "ipfsnode is not built: make ipfsnode" {
		t.Errorf("left out: %v", l.Info().Absent)
	}
	_ = l.Close()
	for with, want := range map[string]string{
		"ipfs":    "start lab: ipfs: ipfsnode is not built: make ipfsnode",
		"postgre": `there is no system "postgre": did you mean "postgres"?`,
		"x":       `there is no system "x": there are dns, postgres, ssh, ipfs, prometheus, mariadb, or all`,
	} {
		_, err := lab.Start(t.Context(), lab.Options{Dir: t.TempDir(), Rate: -1, With: []string{with}})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("--with %s: %v, want %s", with, err, want)
		}
	}
}

// TestNodesAndPages holds the control API against what there is not.
func TestNodesAndPages(t *testing.T) {
	l := start(t, lab.Options{})
	c := connect(t, l.Info().Dir)
	if err := c.SetNode(t.Context(), "db-a", "down"); err == nil || !strings.Contains(err.Error(), "there are blue, green") {
		t.Errorf("%v", err)
	}
	if err := c.Acknowledge(t.Context(), "ana"); err == nil || !strings.Contains(err.Error(), "nobody is being called") {
		t.Errorf("%v", err)
	}
}
