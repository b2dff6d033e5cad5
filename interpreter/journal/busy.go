package journal

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// patience is how long a writer waits for a journal that somebody else has
// locked: until its context ends. Nobody can take the run over meanwhile,
// which needs the same lock.
type patience struct {
	ctx  context.Context
	note func(string)
}

type patienceKey struct{}

// WhenBusy makes the writer wait for a journal that another process has locked
// until ctx ends, instead of [busyTimeout], and say to note what it waits for.
func (w *Writer) WhenBusy(ctx context.Context, note func(string)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.patience = &patience{ctx, note}
}

// patiently hands the writer's patience to its transactions.
func (w *Writer) patiently(ctx context.Context) context.Context {
	if w.patience == nil {
		return ctx
	}
	return context.WithValue(ctx, patienceKey{}, w.patience)
}

// begin starts a write transaction. SQLite itself waits for busyTimeout.
func (d *DB) begin(ctx context.Context) error {
	p, _ := ctx.Value(patienceKey{}).(*patience)
	said := ""
	for {
		_, err := d.writes.begin.ExecContext(ctx)
		if err == nil {
			if said != "" {
				p.note("the journal is free again")
			}
			return nil
		}
		if err = d.wrap("write to", err); !errors.Is(err, ErrBusy) || p == nil || p.ctx.Err() != nil {
			return err
		}
		if text := "waiting for the journal: " + lockedBy(d.path) + " is writing to " + d.path; text != said {
			said = text
			p.note(text)
		}
	}
}

// lockedBy names the process that holds the write lock of a journal, as far as
// the system says: "python3 (process 4711)".
func lockedBy(path string) string {
	const unknown, writeLock = "another process", 120 // its byte in the -shm, see walformat.html
	info, err := os.Stat(path + "-shm")
	if err != nil {
		return unknown
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return unknown
	}
	f, err := os.Open("/proc/locks")
	if err != nil {
		return unknown
	}
	defer func() { _ = f.Close() }()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		// 1: POSIX  ADVISORY  WRITE 25977 fe:00:9986272 120 120
		w := strings.Fields(lines.Text())
		if len(w) != 8 || w[3] != "WRITE" || !strings.HasSuffix(w[5], ":"+strconv.FormatUint(stat.Ino, 10)) {
			continue
		}
		first, _ := strconv.ParseInt(w[6], 10, 64)
		last, err := strconv.ParseInt(w[7], 10, 64)
		if err != nil || first > writeLock || last < writeLock {
			continue
		}
		name, err := os.ReadFile("/proc/" + w[4] + "/comm")
		if err != nil {
			return "process " + w[4]
		}
		return fmt.Sprintf("%s (process %s)", strings.TrimSpace(string(name)), w[4])
	}
	return unknown
}
