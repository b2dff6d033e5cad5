package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// elsewhere is the number of a step whose line somebody else writes.
const elsewhere = -1

// marks is what a worker tells of itself when its workflow has ended.
type marks struct {
	Steps []int64 `json:"steps"` // when each step began, in ns since 1970
}

// beWorker runs one workflow in dir to its end and writes what it saw beside
// the ledger.
func beWorker(name, dir string, steps int) error {
	var chosen *contender
	for _, c := range contenders() {
		if c.name == name {
			chosen = &c
			break
		}
	}
	if chosen == nil {
		return fmt.Errorf("there is no contender %q", name)
	}
	ledger, err := openLedger(dir)
	if err != nil {
		return err
	}
	defer ledger.Close()
	var m marks
	began := time.Now()
	err = chosen.work(context.Background(), dir, steps, func(n int) error {
		if len(m.Steps) == 0 {
			if err := os.WriteFile(filepath.Join(dir, "first"), []byte(time.Since(began).String()), 0o600); err != nil {
				return err
			}
		}
		m.Steps = append(m.Steps, time.Now().UnixNano())
		if n == elsewhere {
			return nil
		}
		return ledger.add(n)
	})
	if err != nil {
		return err
	}
	data, err := json.Marshal(m)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "marks.json"), data, 0o600)
}

// ledger is the system that steps change: one line a step. A line is written
// with one write, which a killed process leaves whole.
type ledger struct{ *os.File }

func openLedger(dir string) (ledger, error) {
	f, err := os.OpenFile(filepath.Join(dir, "ledger"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	return ledger{f}, err
}

func (l ledger) add(n int) error {
	_, err := fmt.Fprintf(l, "%d\n", n)
	return err
}

// readLedger returns how often each step was carried out.
func readLedger(dir string) (map[int]int, error) {
	f, err := os.Open(filepath.Join(dir, "ledger"))
	if err != nil {
		if os.IsNotExist(err) {
			return nil, nil
		}
		return nil, err
	}
	defer f.Close()
	counts := map[int]int{}
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		n, err := strconv.Atoi(strings.TrimSpace(lines.Text()))
		if err != nil {
			return nil, fmt.Errorf("read the ledger: %w", err)
		}
		counts[n]++
	}
	return counts, lines.Err()
}
