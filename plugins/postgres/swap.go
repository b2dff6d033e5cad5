package postgres

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/lazyregexp"
	shared "github.com/q-ecosystem/runbook/plugins/internal/database"
)

func (j *job) swapValue() map[string]any {
	return map[string]any{"live": j.Text("copy"), "kept": shared.Keep(j.Text("copy"), j.Text("keep"))}
}

// seeSwap counts a swap as applied once everything has its name and the server
// answers from the new data; before that the repetition, which has the same
// key, goes on where it ended.
func (j *job) seeSwap() (effect.Observed, map[string]any, *effect.Error) {
	n, e := j.swapNode()
	if e != nil {
		return "", nil, e
	}
	_, _, done, e := j.copies.Swap(j.Text("copy"), shared.Keep(j.Text("copy"), j.Text("keep")), j.Key, n.data)
	if e != nil || !done {
		return effect.NotApplied, nil, e
	}
	// A server that a killed backend had started goes on starting without it.
	for {
		came := running(n.data) || starting(n.data)
		s := j.status(n)
		if s.err == nil && !s.recovering {
			return effect.Applied, j.swapValue(), nil
		}
		if !came || !j.Pause() {
			return effect.NotApplied, nil, nil
		}
	}
}

// swapNode returns the node whose data is exchanged: the primary, or, where
// none answers, the only node whose data is on this machine.
func (j *job) swapNode() (*node, *effect.Error) {
	var local []*node
	for _, n := range j.nodes {
		if n.data != "" {
			local = append(local, n)
		}
	}
	far := func(why string) *effect.Error {
		return effect.Errorf(effect.CodeUnsupported, "%s; nothing was swapped", why).WithHint("run this where the data is, and say where: nodes = { a = { data = … } }")
	}
	if len(local) == 0 {
		return nil, far("the configuration of postgres says of no node that its data is on this machine")
	}
	seen := j.look()
	if s, e := j.primary(seen); e == nil {
		if s.node.data == "" {
			return nil, far(s.node.title() + " is the primary, and its data is not on this machine")
		}
		return s.node, nil
	}
	local = slices.DeleteFunc(local, func(n *node) bool {
		return seen[n.name].err == nil || strings.Contains(j.controlData(n.data)["Database cluster state"], "recovery")
	})
	if len(local) != 1 {
		return nil, effect.Errorf(effect.CodeUnavailable, "no node is the primary, and %d stopped ones could be; nothing was swapped", len(local)).WithHint("start the primary, or promote a replica with db.promote")
	}
	return local[0], nil
}

func (j *job) swap() (map[string]any, *effect.Error) {
	name, keep := j.Text("copy"), shared.Keep(j.Text("copy"), j.Text("keep"))
	if j.copies.Dir == "" {
		return nil, shared.Names("copy", name, nil)
	}
	n, e := j.swapNode()
	if e != nil {
		if !j.copies.Has(name) {
			return nil, shared.Names("copy", name, j.copies.Known())
		}
		return nil, e
	}
	r, exchanged, _, e := j.copies.Swap(name, keep, j.Key, n.data)
	if e != nil {
		return nil, e
	}
	if !exchanged {
		if e := j.copies.Swappable(name, keep); e != nil {
			return nil, e
		}
		if r, e = j.exchange(n, name); e != nil {
			return nil, e
		}
	}
	return j.finish(n, r, name, keep)
}

// exchange stops the server and makes the copy live. What was live is in the
// copy's directory then.
func (j *job) exchange(n *node, name string) (*shared.Record, *effect.Error) {
	data := j.copies.DataOf(name)
	id, device, err := shared.Inode(data)
	_, liveDevice, liveErr := shared.Inode(n.data)
	if err = errors.Join(err, liveErr); err != nil {
		return nil, effect.Errorf(effect.CodeFailed, "the data cannot be looked at: %v; nothing was swapped", err).WithHint("check data and copies in the configuration of postgres")
	}
	if device != liveDevice {
		return nil, effect.Errorf(effect.CodeRefused, "%s is on another file system than %s; nothing was swapped", j.copies.Dir, n.data).
			WithHint("configure copies on the same file system: only there directories change places in one step")
	}
	if e := j.unique(data); e != nil {
		return nil, e
	}
	if running(data) {
		return nil, effect.Errorf(effect.CodeRefused, "a server runs on the copy %s; nothing was swapped", name).WithHint("wait until db.query and db.validate of it have ended")
	}
	if e := j.prepare(n, data); e != nil {
		return nil, e
	}
	r, e := j.copies.Read(name)
	if e != nil {
		return nil, e
	}
	r.Swap = &shared.Swapped{Key: j.Key, Live: id}
	if err := r.Write(j.copies.Of(name)); err != nil {
		return nil, effect.Errorf(effect.CodeFailed, "the swap cannot be noted: %v; nothing was swapped", err)
	}
	if e := j.stop(n); e != nil {
		return nil, e
	}
	if err := shared.Exchange(data, n.data); err != nil {
		e := effect.Errorf(effect.CodeFailed, "%s and the copy %s cannot change places: %v; nothing was swapped", n.data, name, err)
		if again := j.start(n); again != nil {
			return nil, e.WithHint("start %s: %s", n.title(), again.Message)
		}
		return nil, e
	}
	return r, nil
}

// unique refuses a copy on a timeline that another one has used meanwhile:
// its log would not go into the archive.
func (j *job) unique(data string) *effect.Error {
	histories, _ := filepath.Glob(filepath.Join(data, "pg_wal", "*.history"))
	for _, h := range histories {
		ours, err := os.ReadFile(h)
		theirs := j.history(filepath.Base(h))
		if err == nil && theirs != nil && string(ours) != string(theirs) {
			return effect.Errorf(effect.CodeConflict, "the timeline of the copy (%s) was taken by another one since it was restored; nothing was swapped", strings.TrimSuffix(filepath.Base(h), ".history")).
				WithHint("restore it again: it gets a timeline of its own")
		}
	}
	return nil
}

var walFile = lazyregexp.New(`^[0-9A-F]{8}([0-9A-F]{16}|\.history)$`)

// prepare makes the copy fit for the place: it has the settings that stand in
// the live data directory now, and archives what it wrote while it was a copy.
func (j *job) prepare(n *node, data string) *effect.Error {
	failed := func(err error) *effect.Error {
		return effect.Errorf(effect.CodeFailed, "the copy cannot be prepared: %v; nothing was swapped", err)
	}
	for _, name := range []string{"postgresql.conf", "postgresql.auto.conf", "pg_hba.conf", "pg_ident.conf"} {
		text, err := os.ReadFile(filepath.Join(n.data, name))
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err == nil {
			err = shared.WriteFile(filepath.Join(data, name), text)
		}
		if err != nil {
			return failed(err)
		}
		if e := j.own(filepath.Join(data, name)); e != nil {
			return e
		}
	}
	// It was shut down: its last checkpoint is the end of its log, and stands in
	// the segment that is not complete yet. Files behind that are only kept for
	// their space.
	control := j.controlData(data)
	timeline, size := atoi(control["Latest checkpoint's TimeLineID"]), uint64(atoi(control["Bytes per WAL segment"]))
	if control["Database cluster state"] != "shut down" || timeline == 0 || size == 0 {
		return effect.Errorf(effect.CodeRefused, "the copy was not shut down (%s); nothing was swapped", or(control["Database cluster state"], "pg_controldata says nothing of it")).
			WithHint("query or validate it, which starts and ends a server on it")
	}
	number, each := lsn(control["Latest checkpoint location"])/size, uint64(1<<32)/size
	current := fmt.Sprintf("%08X%08X%08X", timeline, number/each, number%each)
	entries, err := os.ReadDir(filepath.Join(data, "pg_wal"))
	if err != nil {
		return failed(err)
	}
	for _, e := range entries {
		name := e.Name()
		if !walFile.MatchString(name) || name[:8] != current[:8] || name >= current && !strings.HasSuffix(name, ".history") {
			continue
		}
		mark := filepath.Join(data, "pg_wal", "archive_status", name+".ready")
		if shared.Exists(mark) || shared.Exists(strings.TrimSuffix(mark, "ready")+"done") {
			continue
		}
		if err := os.WriteFile(mark, nil, 0o600); err != nil {
			return failed(err)
		}
		if e := j.own(mark); e != nil {
			return e
		}
	}
	return nil
}

// finish starts the server on the data that is live now, and gives what was
// live its name.
func (j *job) finish(n *node, r *shared.Record, name, keep string) (map[string]any, *effect.Error) {
	half := func(what string) *effect.Error {
		return effect.Errorf(effect.CodeUnknown, "the copy %s is live, and %s", name, what).
			WithHint("resume the run, which goes on there; what was live before is in %s", j.copies.Dir)
	}
	if shared.Exists(j.copies.DataOf(name)) && (r.Swap == nil || !r.Swap.Kept) {
		err := errors.Join(shared.SyncDir(filepath.Dir(n.data)), shared.SyncDir(j.copies.Of(name)))
		r.Restore, r.Swap.Kept = nil, true // what stands here now is not what was restored
		if err == nil {
			err = r.Write(j.copies.Of(name))
		}
		if err != nil {
			return nil, half(fmt.Sprintf("that cannot be noted: %v", err))
		}
	}
	if keep != name && shared.Exists(j.copies.Of(name)) {
		err := shared.Place(j.copies.Of(name), j.copies.Of(keep))
		if err == nil {
			err = shared.SyncDir(j.copies.Dir)
		}
		if err != nil {
			return nil, half(fmt.Sprintf("what was live is not yet called %s: %v", keep, err))
		}
	}
	if s := j.status(n); s.err != nil && !running(n.data) {
		if e := j.start(n); e != nil {
			return nil, half("its server does not start: " + e.Message)
		}
	}
	for {
		s := j.status(n)
		if s.err == nil && !s.recovering {
			return j.swapValue(), nil
		}
		if j.Ctx.Err() != nil {
			return nil, half("its server does not take writes within the timeout")
		}
		j.Progress.Say("waiting for %s", n.title())
		j.Pause()
	}
}

// stop ends the live server: by the team's command, or with pg_ctl. One that
// does not run needs no end.
func (j *job) stop(n *node) *effect.Error {
	c := &shared.Command{Argv: n.stop, Env: shared.Environment(), Dir: "/"}
	if len(n.stop) == 0 {
		if !running(n.data) {
			return nil
		}
		var e *effect.Error
		if c, e = j.tool("pg_ctl", "stop", "-D", n.data, "-m", "fast", "-w", "-t", j.left()); e != nil {
			return e
		}
	}
	said, err := c.Run(j.Ctx)
	if !running(n.data) {
		return nil
	}
	if err == nil {
		err = errors.New("it still runs")
	}
	return effect.Errorf(effect.CodeUnknown, "%s was told to stop, and whether it did is not known (%v): %s", n.title(), err, j.hide(said)).
		WithHint("nothing was swapped yet: see the server's log, start it if it is down, and resume")
}

// running reports whether a server runs on a data directory.
func running(data string) bool {
	text, err := os.ReadFile(filepath.Join(data, "postmaster.pid"))
	if err != nil {
		return false
	}
	line, _, _ := strings.Cut(string(text), "\n")
	pid, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil || pid <= 0 {
		return false
	}
	if dir, err := os.Readlink(fmt.Sprintf("/proc/%d/cwd", pid)); err == nil {
		return dir == data // a server stands in its data directory; the number may be another's now
	}
	return !errors.Is(syscall.Kill(pid, 0), syscall.ESRCH)
}

// starting reports whether a program is under way that starts a server on a
// data directory, which has not said so there yet.
func starting(data string) bool {
	lines, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, name := range lines {
		text, _ := os.ReadFile(name)
		argv := strings.Split(string(text), "\x00")
		at := slices.Index(argv, "-D")
		if at > 0 && at+1 < len(argv) && argv[at+1] == data && !slices.Contains(argv, "stop") {
			return true
		}
	}
	return false
}

// start starts the live server.
func (j *job) start(n *node) *effect.Error {
	c := &shared.Command{Argv: n.start, Env: shared.Environment(), Dir: "/"}
	if len(n.start) == 0 {
		logs := filepath.Join(j.copies.Dir, ".logs")
		if e := j.mkdir(logs); e != nil {
			return e
		}
		var e *effect.Error
		if c, e = j.tool("pg_ctl", "start", "-D", n.data, "-w", "-t", j.left(), "-s", "-l", filepath.Join(logs, n.name+".log")); e != nil {
			return e
		}
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(j.Ctx), time.Minute+time.Until(deadline(j.Ctx)))
	defer cancel()
	if said, err := c.Run(ctx); err != nil {
		return effect.Errorf(effect.CodeFailed, "%s does not start (%v): %s", n.title(), err, j.hide(said)).WithHint("see its log; pg_ctl's is in %s", j.copies.Dir)
	}
	return nil
}

func deadline(ctx context.Context) time.Time {
	if t, bound := ctx.Deadline(); bound {
		return t
	}
	return time.Now()
}

// left is how many whole seconds the call still has.
func (j *job) left() string {
	return fmt.Sprint(max(1, int(time.Until(deadline(j.Ctx)).Seconds())))
}
