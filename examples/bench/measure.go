package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"
)

// patience bounds every wait for a worker.
const patience = 5 * time.Minute

// row is one of the table.
type row struct {
	speed float64 // steps a second
	text  string
}

// measure makes a contender's row of the table.
func measure(c contender, kills int) (row, error) {
	speed, p50, p99, err := throughput(c)
	if err != nil {
		return row{}, fmt.Errorf("throughput: %w", err)
	}
	replay, resume, err := resumption(c)
	if err != nil {
		return row{}, fmt.Errorf("resume: %w", err)
	}
	if c.kills > 0 {
		kills = min(kills, c.kills)
	}
	done, doubled, lost, err := killed(c, kills, speed)
	if err != nil {
		return row{}, fmt.Errorf("kills: %w", err)
	}
	return row{speed, fmt.Sprintf("| %s | %s | %.0f | %s | %s | %s | %s | %d | %d | %d |", c.name, c.durability, speed,
		short(p50), short(p99), short(replay), short(resume), done, doubled, lost)}, nil
}

// start begins a worker.
func start(c contender, dir string, steps int) (*exec.Cmd, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(self, "work", c.name, dir, fmt.Sprint(steps))
	cmd.Stderr = os.Stderr
	return cmd, cmd.Start()
}

// throughput is the best of three runs: the machine is shared.
func throughput(c contender) (speed float64, p50, p99 time.Duration, err error) {
	for range 3 {
		dir, err := os.MkdirTemp("", "bench")
		if err != nil {
			return 0, 0, 0, err
		}
		defer os.RemoveAll(dir)
		cmd, err := start(c, dir, c.steps)
		if err != nil {
			return 0, 0, 0, err
		}
		if err := cmd.Wait(); err != nil {
			return 0, 0, 0, err
		}
		data, err := os.ReadFile(filepath.Join(dir, "marks.json"))
		if err != nil {
			return 0, 0, 0, err
		}
		var m marks
		if err := json.Unmarshal(data, &m); err != nil {
			return 0, 0, 0, err
		}
		if len(m.Steps) < c.steps {
			return 0, 0, 0, fmt.Errorf("%d steps of %d were carried out", len(m.Steps), c.steps)
		}
		var gaps []time.Duration
		for i := 1; i < len(m.Steps); i++ {
			gaps = append(gaps, time.Duration(m.Steps[i]-m.Steps[i-1]))
		}
		slices.Sort(gaps)
		total := time.Duration(m.Steps[len(m.Steps)-1] - m.Steps[0])
		if s := float64(len(gaps)) / total.Seconds(); s > speed {
			speed, p50, p99 = s, gaps[len(gaps)/2], gaps[len(gaps)*99/100]
		}
	}
	return speed, p50, p99, nil
}

// resumption kills a workflow after c.steps steps, and returns how long a new
// process takes to the first new one: in the workflow alone (replay), and from
// the process's start on (resume). They are the best of three.
func resumption(c contender) (replay, resume time.Duration, err error) {
	for range 3 {
		dir, err := os.MkdirTemp("", "bench")
		if err != nil {
			return 0, 0, err
		}
		defer os.RemoveAll(dir)
		steps := 10 * c.steps // so that it cannot end before it is killed
		cmd, err := start(c, dir, steps)
		if err != nil {
			return 0, 0, err
		}
		if err := await(dir, func(n int) bool { return n >= c.steps }); err != nil {
			return 0, 0, err
		}
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		before, err := lines(dir)
		if err != nil {
			return 0, 0, err
		}
		began := time.Now()
		if cmd, err = start(c, dir, steps); err != nil {
			return 0, 0, err
		}
		err = await(dir, func(n int) bool { return n > before })
		took := time.Since(began)
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if err != nil {
			return 0, 0, err
		}
		text, err := os.ReadFile(filepath.Join(dir, "first"))
		if err != nil {
			return 0, 0, err
		}
		first, err := time.ParseDuration(string(text))
		if err != nil {
			return 0, 0, err
		}
		if resume == 0 || took < resume {
			resume = took
		}
		if replay == 0 || first < replay {
			replay = first
		}
	}
	return replay, resume, nil
}

// killed kills a workflow again and again, lets it end at last, and compares
// the ledger with what it should hold. The moments are random, with a seed.
func killed(c contender, kills int, speed float64) (done, doubled, lost int, err error) {
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		return 0, 0, 0, err
	}
	defer os.RemoveAll(dir)
	random := rand.New(rand.NewPCG(1, 2))
	// Long enough for some 20 ms of steps between two kills, on the average.
	steps := max(kills, int(speed*0.02*float64(kills)))
	for done < kills {
		cmd, err := start(c, dir, steps)
		if err != nil {
			return done, 0, 0, err
		}
		ended := make(chan error, 1)
		go func() { ended <- cmd.Wait() }()
		before, err := lines(dir)
		if err != nil {
			return done, 0, 0, err
		}
		// It has to have come further, or it would be killed in its start for ever.
		if err := await(dir, func(n int) bool { return n > before || len(ended) > 0 }); err != nil {
			return done, 0, 0, err
		}
		time.Sleep(time.Duration(random.Int64N(int64(30 * time.Millisecond))))
		select {
		case err := <-ended:
			if err != nil {
				return done, 0, 0, err
			}
			doubled, lost, err = count(dir, steps)
			return done, doubled, lost, err
		default:
		}
		_ = cmd.Process.Kill()
		<-ended
		done++
	}
	cmd, err := start(c, dir, steps)
	if err != nil {
		return done, 0, 0, err
	}
	if err := cmd.Wait(); err != nil {
		return done, 0, 0, err
	}
	doubled, lost, err = count(dir, steps)
	return done, doubled, lost, err
}

func count(dir string, steps int) (doubled, lost int, err error) {
	counts, err := readLedger(dir)
	if err != nil {
		return 0, 0, err
	}
	for n := 1; n <= steps; n++ {
		switch times := counts[n]; {
		case times == 0:
			lost++
		case times > 1:
			doubled += times - 1
		}
	}
	return doubled, lost, nil
}

// await polls the ledger's length until it is as wanted.
func await(dir string, enough func(lines int) bool) error {
	deadline := time.Now().Add(patience)
	for {
		n, err := lines(dir)
		if err != nil {
			return err
		}
		if enough(n) {
			return nil
		}
		if time.Now().After(deadline) {
			return errors.New("no step came in five minutes")
		}
		time.Sleep(time.Millisecond)
	}
}

// lines counts the ledger's lines.
func lines(dir string) (int, error) {
	counts, err := readLedger(dir)
	total := 0
	for _, n := range counts {
		total += n
	}
	return total, err
}

func short(d time.Duration) string {
	switch {
	case d < time.Millisecond:
		return fmt.Sprintf("%d us", d.Microseconds())
	case d < 10*time.Millisecond:
		return fmt.Sprintf("%.1f ms", float64(d.Microseconds())/1e3)
	}
	return fmt.Sprintf("%d ms", d.Milliseconds())
}
