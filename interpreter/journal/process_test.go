package journal_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/journal"
	"github.com/q-ecosystem/runbook/interpreter/journal/journaltest"
)

// childMode is the environment variable by which the test binary is another
// process of these tests.
const childMode = "JOURNAL_TEST_CHILD"

func TestMain(m *testing.M) {
	mode := os.Getenv(childMode)
	if mode == "" {
		os.Exit(m.Run())
	}
	if err := child(mode, os.Args[1]); err != nil {
		fmt.Println("error:", err)
		os.Exit(1)
	}
}

// child takes the run up once its standard input says so, and prints what
// came of it. In mode "hold" it then waits for the end of its input; in mode
// "append" it appends for ever and prints each number once it is on disk.
func child(mode, path string) error {
	input := bufio.NewReader(os.Stdin)
	db, err := journal.Open(context.Background(), path, journal.Options{})
	if err != nil {
		return err
	}
	fmt.Println("ready")
	if _, err := input.ReadString('\n'); err != nil {
		return err
	}
	w, err := db.Acquire(context.Background(), "run-a", journal.Self())
	var held *journal.HeldError
	switch {
	case errors.As(err, &held):
		fmt.Println("held by", held.Holder.PID)
	case err != nil:
		return err
	default:
		fmt.Println("acquired", w.Epoch())
	}
	if mode == "append" {
		for {
			events, err := w.Append(context.Background(), journaltest.Done("1"))
			if err != nil {
				return err
			}
			two, err := w.Append(context.Background(), journaltest.Done("2"), journaltest.Done("3"))
			if err != nil {
				return err
			}
			fmt.Printf("%d\n%d\n", events[0].Seq, two[1].Seq)
		}
	}
	_, err = io.Copy(io.Discard, input)
	return err
}

// process is a child under way.
type process struct {
	t   *testing.T
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Scanner
}

func start(t *testing.T, mode, path string) *process {
	t.Helper()
	p := &process{t: t, cmd: exec.Command(os.Args[0], path)}
	p.cmd.Env = append(os.Environ(), childMode+"="+mode)
	p.cmd.Stderr = os.Stderr
	in, err := p.cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p.in, p.out = in, bufio.NewScanner(out)
	t.Cleanup(func() {
		if p.cmd.ProcessState == nil {
			_ = p.cmd.Process.Kill()
			_ = p.cmd.Wait()
		}
	})
	p.expect("ready")
	return p
}

func (p *process) line() string {
	p.t.Helper()
	if !p.out.Scan() {
		p.t.Fatalf("the child ended early: %v", p.out.Err())
	}
	return p.out.Text()
}

func (p *process) expect(want string) {
	p.t.Helper()
	if got := p.line(); got != want {
		p.t.Fatalf("the child says %q, not %q", got, want)
	}
}

func (p *process) goOn() {
	p.t.Helper()
	if _, err := io.WriteString(p.in, "go\n"); err != nil {
		p.t.Fatal(err)
	}
}

func (p *process) signal(sig syscall.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(sig); err != nil {
		p.t.Fatal(err)
	}
}

// freeRun makes a journal with a run that nobody holds.
func freeRun(t *testing.T) (*journal.DB, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "runbook.db")
	db := open(t, path, journal.Options{})
	if err := journaltest.Create(t, db, "run-a").Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	return db, path
}

func TestHolderKilled(t *testing.T) {
	if journal.Self().Boot == "" {
		t.Skip("this system has no /proc to look into")
	}
	db, path := freeRun(t)
	p := start(t, "hold", path)
	p.goOn()
	p.expect("acquired 2")
	acquire := func() error {
		_, err := db.Acquire(t.Context(), "run-a", journal.Self())
		return err
	}
	var held *journal.HeldError
	if err := acquire(); !errors.As(err, &held) || held.Holder.PID != p.cmd.Process.Pid {
		t.Fatalf("while it lives: %v", err)
	}
	p.signal(syscall.SIGSTOP)
	if err := acquire(); !errors.As(err, &held) {
		t.Errorf("while it is stopped: %v", err)
	}
	p.signal(syscall.SIGKILL)
	// It is a zombie until it is waited for, which may be never.
	began := time.Now()
	err := acquire()
	for ; errors.As(err, &held) && time.Since(began) < journal.LeaseTTL/2; err = acquire() {
	}
	if err != nil {
		t.Errorf("after it was killed: %v", err)
	}
}

func TestProcessesAcquireOnce(t *testing.T) {
	db, path := freeRun(t)
	for round := range 5 {
		var children []*process
		for range 2 {
			children = append(children, start(t, "hold", path))
		}
		for _, p := range children {
			p.goOn()
		}
		won, lost := 0, 0
		for _, p := range children {
			if line := p.line(); strings.HasPrefix(line, "acquired") {
				won++
			} else if strings.HasPrefix(line, "held by") {
				lost++
			} else {
				t.Error(line)
			}
		}
		if won != 1 || lost != 1 {
			t.Errorf("round %d: %d acquired, %d were refused", round, won, lost)
		}
		for _, p := range children {
			p.signal(syscall.SIGKILL)
			_ = p.cmd.Wait()
		}
	}
	if report, err := db.Verify(t.Context(), ""); err != nil || len(report.Faults) > 0 {
		t.Errorf("verify: %v, %v", report, err)
	}
}

func TestProcessesCreateOneJournal(t *testing.T) {
	path := filepath.Join(t.TempDir(), "deep", "down", "runbook.db")
	const n = 4
	ready := make(chan error, n)
	for range n {
		cmd := exec.Command(os.Args[0], path)
		cmd.Env = append(os.Environ(), childMode+"=hold")
		go func() { // its input ends at once
			out, err := cmd.Output()
			if !strings.HasPrefix(string(out), "ready\n") {
				ready <- fmt.Errorf("%q, %w", out, err)
				return
			}
			ready <- nil
		}()
	}
	for range n {
		if err := <-ready; err != nil {
			t.Error(err)
		}
	}
	db := open(t, path, journal.Options{})
	journaltest.Create(t, db, "run-a")
	for name, mode := range map[string]os.FileMode{"": 0o600, ".key": 0o600, "-wal": 0o600, "-shm": 0o600} {
		if info, err := os.Stat(path + name); err != nil || info.Mode().Perm() != mode {
			t.Errorf("%s: %v, %v", name, info.Mode(), err)
		}
	}
	if info, err := os.Stat(filepath.Dir(path)); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("directory: %v, %v", info, err)
	}
}

func TestKilledInTheMiddleOfAppends(t *testing.T) {
	db, path := freeRun(t)
	for round := range 6 {
		p := start(t, "append", path)
		p.goOn()
		p.expect("acquired " + strconv.Itoa(round+2))
		var acknowledged int64
		for range 5 + 37*round {
			seq, err := strconv.ParseInt(p.line(), 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			acknowledged = seq
		}
		p.signal(syscall.SIGKILL)
		for p.out.Scan() { // what it said before it died was on disk
			if seq, err := strconv.ParseInt(p.out.Text(), 10, 64); err == nil {
				acknowledged = seq
			}
		}
		_ = p.cmd.Wait()
		events, err := db.Events(t.Context(), "run-a", 0)
		if err != nil || int64(len(events)) < acknowledged {
			t.Fatalf("round %d: %d acknowledged, %d there, %v", round, acknowledged, len(events), err)
		}
		if last := events[len(events)-1]; last.Kind == effect.EffectDone && last.Place == "2" {
			t.Errorf("round %d: half of two events that belong together", round)
		}
		if report, err := db.Verify(t.Context(), ""); err != nil || len(report.Faults) > 0 {
			t.Fatalf("round %d: %v, %v", round, report.Faults, err)
		}
	}
}
