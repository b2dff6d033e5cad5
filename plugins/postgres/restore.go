package postgres

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	shared "github.com/q-ecosystem/runbook/plugins/internal/database"
)

func (j *job) seeCopy() (effect.Observed, map[string]any, *effect.Error) {
	value, e := j.copies.Restored(j.Text("copy"), j.Key)
	if value == nil {
		return effect.NotApplied, nil, e
	}
	return effect.Applied, value, nil
}

// goal is what a restore is to reach.
type goal struct {
	from     *stored
	given    bool // a moment is
	at       time.Time
	timeline int // to follow; 0 where there is no log
	log      extent
}

func (j *job) restore() (map[string]any, *effect.Error) {
	name := j.Text("copy")
	if j.copies.Dir == "" {
		return nil, effect.Errorf(effect.CodeUnsupported, "the configuration of %s names no directory for copies", j.backend).WithHint("give it one, beside the data directory: copies: /var/lib/postgresql/15/copies")
	}
	if value, e := j.copies.Restored(name, j.Key); e != nil || value != nil {
		return value, e
	}
	for _, n := range j.nodes {
		if e := j.copies.Free(name, or(n.data, "/nowhere")); e != nil {
			return nil, e
		}
	}
	g, e := j.goal()
	if e != nil {
		return nil, e
	}
	size, e := j.backups.verify(j, g.from)
	if e != nil {
		return nil, e
	}
	if e := j.mkdir(j.copies.Dir); e != nil {
		return nil, e
	}
	if e := shared.Room(j.copies.Dir, size, "the backup"); e != nil {
		return nil, e
	}
	if g.log, e = j.flush(); e != nil {
		return nil, e
	}
	hidden := filepath.Join(j.copies.Dir, ".part-"+j.ID())
	_ = os.RemoveAll(hidden) // of an attempt that was killed
	defer os.RemoveAll(hidden)
	if e := j.mkdir(hidden); e != nil {
		return nil, e
	}
	if e := j.backups.fill(j, g.from, filepath.Join(hidden, j.copies.Data), size); e != nil {
		return nil, e
	}
	reached, e := j.recover(g, filepath.Join(hidden, j.copies.Data))
	if e != nil {
		return nil, e
	}
	value := map[string]any{"copy": name, "backup": g.from.Name, "time": shared.Seconds(reached.at), "timeline": float64(reached.timeline)}
	if e := j.copies.Place(hidden, name, j.Key, value); e != nil {
		return nil, e
	}
	return value, nil
}

// goal chooses the backup, and what to recover to.
func (j *job) goal() (*goal, *effect.Error) {
	list, e := j.stored()
	if e != nil {
		return nil, e
	}
	g := &goal{}
	target := math.Inf(1)
	t, given, e := j.Moment()
	if e != nil {
		return nil, e
	}
	if given {
		g.given, g.at, target = true, t.Round(time.Microsecond), shared.Seconds(t.Round(time.Millisecond))
	}
	if len(list) == 0 {
		return nil, effect.Errorf(effect.CodeNotFound, "there is no backup at all").WithHint("make one with db.backup")
	}
	fits := func(*stored) bool { return true }
	if j.wal != nil {
		if g.timeline, e = j.timeline(list); e != nil {
			return nil, e
		}
		forks := j.forks(g.timeline)
		fits = func(s *stored) bool {
			end, known := forks[s.Timeline]
			return s.Timeline == g.timeline || known && s.End <= end
		}
	}
	wanted, known := j.Text("backup"), []string{}
	var damaged []string // passed over; one that is asked for by its name is refused
	for i := range list {
		known = append(known, list[i].Name)
		if list[i].Damaged && wanted == "" {
			damaged = append(damaged, list[i].Name)
			continue
		}
		if (wanted == "" && fits(&list[i]) || list[i].Name == wanted) && shared.Seconds(list[i].Ended) <= target {
			g.from = &list[i]
		}
	}
	if wanted != "" && !slices.Contains(known, wanted) {
		return nil, shared.Names("backup", wanted, known)
	}
	if len(damaged) > 0 {
		j.Progress.Show("passed over, because pages of them had wrong checksums: " + strings.Join(damaged, ", "))
	}
	if g.from == nil && len(damaged) > 0 {
		return nil, effect.Errorf(effect.CodeUnhealthy, "no backup that is whole reaches back to the moment that is asked for; damaged: %s", strings.Join(damaged, ", ")).
			WithHint("db.backups tells the earliest moment that can be restored; what a damaged backup still holds has to be restored by hand (pgbackrest restore)")
	}
	if g.from == nil {
		return nil, effect.Errorf(effect.CodeNotFound, "no backup reaches back to the moment that is asked for").WithHint("db.backups tells the earliest moment that can be restored")
	}
	if !fits(g.from) {
		return nil, effect.Errorf(effect.CodeRefused, "the backup %s is of data that was swapped away or left behind by a promotion (timeline %d), and the log is that of timeline %d; nothing was started", g.from.Name, g.from.Timeline, g.timeline).
			WithHint("restore another backup, or leave it out: the newest that fits is taken")
	}
	if j.wal == nil {
		if g.given && shared.Seconds(g.from.Ended) != target {
			return nil, effect.Errorf(effect.CodeRefused, "only the ends of backups can be restored: there is no log").WithHint("name a backup, without a time; or archive WAL, and configure wal")
		}
		g.at = g.from.Ended
		return g, nil
	}
	if !g.given {
		g.at = time.Now().UTC().Truncate(time.Millisecond)
	}
	return g, nil
}

// timeline returns the one to follow: that of the live data, not of a copy or
// of what was swapped away.
func (j *job) timeline(backups []stored) (int, *effect.Error) {
	if s, e := j.primary(j.look()); e == nil {
		return s.timeline, nil
	}
	newest := 0
	for _, n := range j.nodes { // a stopped primary whose data is here
		if n.data == "" {
			continue
		}
		if c := j.controlData(n.data); !strings.Contains(c["Database cluster state"], "recovery") {
			newest = max(newest, atoi(c["Latest checkpoint's TimeLineID"]))
		}
	}
	if newest > 0 {
		return newest, nil
	}
	newest, e := j.wal.newest()
	return max(newest, backups[len(backups)-1].Timeline), e
}

// forks returns where a timeline left those that it comes from, as its history
// file says.
func (j *job) forks(timeline int) map[int]uint64 {
	out := map[int]uint64{}
	text := j.history(fmt.Sprintf("%08X.history", timeline), filepath.Join(j.copies.Dir, timelines))
	for line := range strings.Lines(string(text)) {
		if words := strings.Fields(line); len(words) >= 2 && atoi(words[0]) > 0 {
			out[atoi(words[0])] = lsn(words[1])
		}
	}
	return out
}

// history returns the file of a timeline: from the archive, where one is
// configured, else from other directories or from the nodes' own; nil if none has it.
func (j *job) history(name string, dirs ...string) []byte {
	for _, n := range j.nodes {
		if n.data != "" {
			dirs = append(dirs, filepath.Join(n.data, "pg_wal"))
		}
	}
	var text []byte
	if j.wal != nil {
		text = j.wal.history(j, name)
	}
	for _, dir := range dirs {
		if text == nil {
			text, _ = os.ReadFile(filepath.Join(dir, name))
		}
	}
	return text
}

func atoi(s string) int {
	n, _ := strconv.Atoi(s)
	return n
}

// timelines is where the history files of copies stand, hidden beside them: the
// next recovery finds them and takes another number. In the archive, replicas
// would find and follow them.
const timelines = ".timelines"

func (j *job) claim(data string, timeline int) *effect.Error {
	name := fmt.Sprintf("%08X.history", timeline)
	text, err := os.ReadFile(filepath.Join(data, "pg_wal", name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil // without a log there is no new timeline
	}
	if err == nil {
		err = shared.WriteFile(filepath.Join(j.copies.Dir, timelines, name), text)
	}
	if err != nil {
		return effect.Errorf(effect.CodeFailed, "the timeline of the copy cannot be noted: %v; nothing was left of it", err).WithHint("check the rights of %s", j.copies.Dir)
	}
	return j.own(filepath.Join(j.copies.Dir, timelines, name))
}

// own gives a file to the user of the tools.
func (j *job) own(file string) *effect.Error {
	u, e := j.as()
	if e != nil {
		return e
	}
	return u.Own(file)
}
