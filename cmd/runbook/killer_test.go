package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"time"
)

// killer is a program of the scripts. It carries a runbook out whose runner is
// killed each time that the record has something new of an effect, a question or
// a sleep, and resumed until the run has ended, however it does:
//
//	exec killer primary-lost.lua --param pause=2s &killer&
//
// It prints how often it has killed, and how the run ended.
func killer() {
	if err := harass(os.Args[1:]); err != nil {
		said, _ := os.ReadFile(runnersSaid)
		fmt.Fprintf(os.Stderr, "killer: %v; the runners said:\n%s", err, said)
		os.Exit(1)
	}
}

const runnersSaid = "killer.out"

var (
	mark   = regexp.MustCompile(`"kind":"(effect|question|timer)\.\w+","place":"[^"]*"`)
	began  = regexp.MustCompile(`(?m)^run ([0-9a-f-]{36})$`) // is what its runner says first
	stands = regexp.MustCompile(`"status":"(\w+)"`)          // is first said of the run, then of its past
)

func harass(args []string) error {
	out, err := os.Create(runnersSaid)
	if err != nil {
		return err
	}
	defer out.Close()
	id, seen, killed := "", 0, 0
	next := append([]string{"run", "--wait"}, args...)
	for deadline := time.Now().Add(4 * patience); ; {
		runner := exec.Command("runbook", next...)
		runner.Stdout, runner.Stderr = out, out
		if err := runner.Start(); err != nil {
			return err
		}
		ended := make(chan error, 1)
		go func() { ended <- runner.Wait() }()
		for alive, spared := true, false; alive; {
			select {
			case <-ended:
				alive = false
				continue
			case <-time.After(20 * time.Millisecond):
			}
			if id == "" {
				said, _ := os.ReadFile(runnersSaid)
				if found := began.FindSubmatch(said); found != nil {
					id = string(found[1])
				}
				continue
			}
			if late := time.Now().After(deadline); late || !spared && marks(id) > seen {
				_ = runner.Process.Kill()
				if spared = true; late {
					return fmt.Errorf("run %s has not ended after %d kills", id, killed)
				}
				killed++
			}
		}
		if id == "" {
			return fmt.Errorf("the run has not begun")
		}
		status := stands.FindStringSubmatch(ask("show", id, "--json"))
		if status != nil && !slices.Contains([]string{"running", "waiting", "rolling_back"}, status[1]) {
			fmt.Printf("killed %d times, %s\n", killed, status[1])
			fmt.Fprint(os.Stderr, ask("show", id)) // for who looks why it ended otherwise
			return nil
		}
		seen = marks(id)
		next = []string{"resume", "--wait", id}
	}
}

// marks returns how far a run has got. An effect that is carried out once more
// counts once: a runner that was always killed there would never get further.
func marks(id string) int {
	seen := map[string]bool{}
	for _, m := range mark.FindAllString(ask("log", id, "--json"), -1) {
		seen[m] = true
	}
	return len(seen)
}

// ask returns what the program prints.
func ask(args ...string) string {
	var out bytes.Buffer
	cmd := exec.Command("runbook", args...)
	cmd.Stdout = &out
	_ = cmd.Run() // it is asked again
	return out.String()
}
