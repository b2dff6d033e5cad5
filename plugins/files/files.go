// Package files carries the module files: it hashes, searches and archives
// files on the machine of the runner.
//
// # What may be touched
//
// Files below the configured roots are read, and archives are written below
// the configured archive directories; nothing else is opened. A path is
// followed through its links and counts by where it leads: a link out of the
// roots is refused. The file itself is then opened below its root by os.Root,
// so that a link put there meanwhile leads nowhere else. Links that are met
// inside of a directory are not followed.
//
// # Archives
//
// An archive is written under a hidden name beside its place, synced, and
// linked into its place, which must be free: it is complete or not there, and
// nothing is lost for it. Its header names the effect that made it, by which
// Observe and a repetition know their own.
package files

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins"
	contract "github.com/q-ecosystem/runbook/stdlib/files"
)

// Backend looks at files. New returns it; Configure makes it ready.
type Backend struct {
	settings *settings
}

// settings is the configuration of a Backend.
type settings struct {
	dir            string   // absolute; where relative paths begin
	read, archives []string // absolute
	zone           *time.Location
}

// New returns a backend that is not configured yet.
func New() *Backend { return &Backend{} }

// Describe implements plugins.Backend.
func (b *Backend) Describe() plugins.Description {
	list := func(name, doc string) effect.Field {
		return effect.Field{Name: name, Type: effect.List, Elem: &effect.Field{Type: effect.String, Min: effect.Bound(1), Path: effect.IsPath}, Doc: doc}
	}
	roots := list("roots", "directories whose files may be read: [/var/log, /opt/app]")
	roots.Required, roots.Min = true, effect.Bound(1)
	return plugins.Description{
		Name: "files", Module: "files", Version: "1.0.0",
		Doc: "Hash, search and archive files on the machine of the runner",
		Ops: contract.Module().Ops,
		Config: []effect.Field{roots,
			list("archives", "directories below which archives may be written; none if left out"),
			{Name: "dir", Type: effect.String, Path: effect.IsPath, Doc: "where relative paths begin; the run's directory if left out"},
			{Name: "zone", Type: effect.String, Doc: "the time zone of log lines that name none: Europe/Vienna; the machine's if left out"}},
	}
}

// Configure implements plugins.Backend.
func (b *Backend) Configure(_ context.Context, config map[string]any) error {
	s, err := newSettings(config)
	if err != nil {
		return err
	}
	b.settings = s
	return nil
}

// Invoke implements plugins.Backend.
func (b *Backend) Invoke(ctx context.Context, req plugins.Request) (any, error) {
	if b.settings == nil {
		return nil, errNotConfigured()
	}
	do, ok := map[string]func(*job) (map[string]any, *effect.Error){"hash": (*job).hash, "search": (*job).search, "archive": (*job).archive}[req.Op]
	if !ok {
		return nil, effect.Errorf(effect.CodeUnsupported, "the files backend has no op called %q", req.Op).WithHint("it has hash, search and archive")
	}
	j, cancel := b.job(ctx, req)
	defer cancel()
	value, e := do(j)
	if e != nil {
		return nil, e
	}
	return value, nil
}

// Observe implements plugins.Observer: it looks whether the archive is there,
// and whether this effect made it.
func (b *Backend) Observe(ctx context.Context, req plugins.Request) (plugins.Observation, error) {
	if b.settings == nil {
		return plugins.Observation{}, errNotConfigured()
	}
	if req.Op != "archive" {
		return plugins.Observation{State: effect.Uncertain}, nil
	}
	j, cancel := b.job(ctx, req)
	defer cancel()
	to, e := j.target()
	if e != nil {
		return plugins.Observation{}, e
	}
	defer to.close()
	value, mine, e := j.present(to)
	switch {
	case e != nil:
		return plugins.Observation{}, e
	case mine:
		return plugins.Observation{State: effect.Applied, Value: value}, nil
	}
	return plugins.Observation{State: effect.NotApplied}, nil
}

// Preview implements plugins.Previewer: it says what an archive would hold, and
// refuses what would be refused.
func (b *Backend) Preview(ctx context.Context, req plugins.Request) (effect.Prediction, error) {
	if b.settings == nil {
		return effect.Prediction{}, errNotConfigured()
	}
	if req.Op != "archive" {
		return effect.Prediction{Target: "files", To: "read only"}, nil
	}
	j, cancel := b.job(ctx, req)
	defer cancel()
	to, e := j.target()
	if e != nil {
		return effect.Prediction{}, e
	}
	defer to.close()
	if _, mine, e := j.present(to); e != nil || !mine && j.taken(to) {
		if e == nil {
			e = taken(to.name)
		}
		return effect.Prediction{}, e
	}
	chosen, e := j.choose(to.name)
	if e != nil {
		return effect.Prediction{}, e
	}
	defer chosen.close()
	return effect.Prediction{Target: to.name, To: fmt.Sprintf("%d files, %s before compression", len(chosen.files), inBytes(chosen.size))}, nil
}

// Health implements plugins.Backend: all directories are there.
func (b *Backend) Health(context.Context) error {
	if b.settings == nil {
		return errNotConfigured()
	}
	for what, dirs := range map[string][]string{"roots": b.settings.read, "archives": b.settings.archives} {
		for _, dir := range dirs {
			if _, err := realDir(dir); err != nil {
				return effect.Errorf(effect.CodeNotFound, "%s: %v", what, err).WithHint("create it, or mend the configuration of files")
			}
		}
	}
	return nil
}

func errNotConfigured() error {
	return effect.Errorf(effect.CodeInternal, "the files backend is not configured")
}

// job is one call under way.
type job struct {
	*settings
	ctx  context.Context
	args map[string]any
	key  string
	now  time.Time
	show func(line string)
	told time.Time // when show was last called
}

func (b *Backend) job(ctx context.Context, req plugins.Request) (*job, context.CancelFunc) {
	cancel := func() {}
	if s, ok := req.Args["timeout"].(float64); ok && s > 0 {
		ctx, cancel = context.WithTimeout(ctx, effect.Seconds(s))
	}
	now := time.Now()
	return &job{settings: b.settings, ctx: ctx, args: req.Args, key: req.Key, now: now, show: req.Progress, told: now}, cancel
}

func (j *job) text(name string) string {
	s, _ := j.args[name].(string)
	return s
}

// report shows how far the job is, once a second at most.
func (j *job) report(format string, args ...any) {
	if now := time.Now(); now.Sub(j.told) >= time.Second {
		j.told = now
		j.show(fmt.Sprintf(format, args...))
	}
}

// ended returns the error of a job whose time is up; nil if it is not.
func (j *job) ended(what string) *effect.Error {
	switch {
	case j.ctx.Err() == nil:
		return nil
	case j.ctx.Err() == context.Canceled:
		return effect.Errorf(effect.CodeTimeout, "%s was canceled after %s", what, effect.FormatDuration(time.Since(j.now).Round(time.Millisecond)))
	}
	return effect.Errorf(effect.CodeTimeout, "%s took longer than %s", what, effect.FormatDuration(time.Since(j.now).Round(time.Millisecond))).
		WithHint("name fewer files, or give it longer: timeout")
}

// inBytes returns a size for people: "3.2 MiB".
func inBytes(n int64) string {
	size, unit := float64(n), 0
	for size >= 1024 && unit < 4 {
		size, unit = size/1024, unit+1
	}
	return strings.TrimSuffix(fmt.Sprintf("%.1f", size), ".0") + " " + []string{"bytes", "KiB", "MiB", "GiB", "TiB"}[unit]
}
