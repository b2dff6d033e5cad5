package postgres

import (
	"context"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	shared "github.com/q-ecosystem/runbook/plugins/internal/database"
)

// backups is where backups are kept, and the tool that makes them.
type backups interface {
	// list returns the complete ones, oldest first.
	list(*job) ([]stored, *effect.Error)
	// make makes one that names this effect.
	make(*job) (*stored, *effect.Error)
	// verify refuses one that is damaged, and returns how much it takes.
	verify(*job, *stored) (size int64, e *effect.Error)
	// fill writes a backup into a data directory that is not there yet.
	fill(j *job, s *stored, data string, size int64) *effect.Error
}

// stored is a complete backup, as its description holds it.
type stored struct {
	Name  string    `json:"name"`
	Key   string    `json:"key"` // of the effect that made it, or its ID
	Type  string    `json:"type,omitempty"`
	Began time.Time `json:"began"`
	Ended time.Time `json:"ended"`
	// EndedFrom is the earliest moment at which it may have ended, where Ended is
	// the latest: a tool that tells seconds leaves that open.
	EndedFrom time.Time `json:"-"`
	Size      int64     `json:"size"`
	Timeline  int       `json:"timeline"`
	End       uint64    `json:"end"` // a place in the WAL that it reaches at the least
	Damaged   bool      `json:"-"`   // as the tool that made it says
}

func (s *stored) value(name string) map[string]any {
	value := map[string]any{name: s.Name, "type": or(s.Type, "full"), "began": shared.Seconds(s.Began), "ended": shared.Seconds(s.Ended), "size": float64(s.Size)}
	if s.Damaged {
		value["damaged"] = true
	}
	return value
}

// stored returns the backups, oldest first.
func (j *job) stored() ([]stored, *effect.Error) {
	if j.backups == nil {
		return nil, effect.Errorf(effect.CodeUnsupported, "the configuration of %s names no directory for backups", j.backend).WithHint("give it one: backups: /var/backups/postgres")
	}
	return j.backups.list(j)
}

func (j *job) list() (map[string]any, *effect.Error) {
	list, e := j.stored()
	if e != nil {
		return nil, e
	}
	backups, out := []any{}, map[string]any{}
	for i := range list {
		backups = append(backups, list[i].value("name"))
	}
	out["backups"] = backups
	c, s, e := j.onPrimary()
	if e == nil {
		defer c.close()
		if s.timeline == 0 {
			s = j.status(s.node)
		}
		if s.err == nil && s.timeline > 0 && !s.recovering {
			out["timeline"] = float64(s.timeline)
		}
	}
	if list = whole(list); len(list) == 0 {
		return out, nil
	}
	out["earliest"], out["latest"] = shared.Seconds(list[0].Ended), shared.Seconds(list[len(list)-1].Ended)
	if j.wal != nil {
		// While the primary archives, everything until now can be restored;
		// otherwise what the archive has.
		latest, known := j.wal.until(), false
		if c != nil {
			if now, archives := j.archives(c); archives {
				latest, known = now, true
			}
		}
		if known || latest.After(list[len(list)-1].Ended) {
			out["latest"] = shared.Seconds(latest)
		}
	}
	return out, nil
}

// whole returns the backups that are not known to be damaged.
func whole(list []stored) []stored {
	return slices.DeleteFunc(slices.Clone(list), func(s stored) bool { return s.Damaged })
}

// archives returns the server's time, and whether archiving works.
func (j *job) archives(c *conn) (time.Time, bool) {
	r, err := c.row(j.Ctx, `SELECT extract(epoch from clock_timestamp()), current_setting('archive_mode') <> 'off' AND (last_failed_time IS NULL OR last_archived_time > last_failed_time) FROM pg_stat_archiver`)
	if err != nil || len(r) != 2 {
		return time.Time{}, false
	}
	return epoch(is(r[0])), is(r[1]) == "t"
}

// epoch reads seconds since 1970 as PostgreSQL prints them.
func epoch(text string) time.Time {
	s, _ := strconv.ParseFloat(text, 64)
	return time.UnixMicro(int64(s * 1e6)).UTC()
}

// mine returns the backup that this effect made; nil if it is not there. One
// that is damaged is an error, as when it was made.
func (j *job) mine() (map[string]any, *effect.Error) {
	list, e := j.stored()
	for i := range list {
		if list[i].Key == j.Key || list[i].Key == j.ID() {
			if list[i].Damaged {
				return nil, j.madeDamaged(&list[i])
			}
			return list[i].value("backup"), nil
		}
	}
	return nil, e
}

func (j *job) seeBackup() (effect.Observed, map[string]any, *effect.Error) {
	value, e := j.mine()
	if value == nil {
		return effect.NotApplied, nil, e
	}
	return effect.Applied, value, nil
}

func (j *job) backup() (map[string]any, *effect.Error) {
	if value, e := j.mine(); e != nil || value != nil {
		return value, e
	}
	made, e := j.backups.make(j)
	if e != nil {
		return nil, e
	}
	if made.Damaged {
		return nil, j.madeDamaged(made)
	}
	return made.value("backup"), nil
}

// madeDamaged is the error of a backup that is complete and not to be relied on.
// A repetition with the same key ends with it, too: another backup would be as
// damaged.
func (j *job) madeDamaged(s *stored) *effect.Error {
	_, e := j.backups.verify(j, s)
	if e == nil || e.Code != effect.CodeUnhealthy {
		e = effect.Errorf(effect.CodeUnhealthy, "the backup %s is damaged", s.Name)
	}
	e.Message += "; it is kept, and no restore takes it"
	return e.WithHint("the live data is damaged: run db.validate, find what the files are of (pg_filenode_relation, oid2name), mend that or restore an earlier backup beside it, and make a new backup")
}

// watch shows how a directory grows, until the function that it returns has
// returned.
func (j *job) watch(what, dir string, size int64) (end func()) {
	ctx, cancel := context.WithCancel(j.Ctx)
	var over sync.WaitGroup
	over.Go(func() {
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				j.Progress.Say("%s %s of about %s", what, shared.Bytes(sizeOf(dir)), shared.Bytes(size))
			}
		}
	})
	return func() { cancel(); over.Wait() }
}

func sizeOf(dir string) (size int64) {
	_ = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			if info, err := d.Info(); err == nil {
				size += info.Size()
			}
		}
		return nil
	})
	return size
}
