package postgres

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	shared "github.com/q-ecosystem/runbook/plugins/internal/database"
)

// stanza is a cluster as pgBackRest knows it: backups and WAL in one.
type stanza struct {
	name, program, config string
}

func stanzaFields() []effect.Field {
	return []effect.Field{
		{Name: "stanza", Type: effect.String, Pattern: `[A-Za-z0-9_.-]+`, Doc: "what pgBackRest calls the cluster"},
		{Name: "program", Type: effect.String, Path: effect.MayBePath, Default: "pgbackrest", Doc: "pgBackRest, 2.41 or newer"},
		{Name: "config", Type: effect.String, Path: effect.IsPath, Doc: "its configuration; where it looks for one if left out"},
	}
}

func newStanza(db *database, config map[string]any) *effect.Error {
	s := &stanza{name: text(config, "stanza"), program: or(text(config, "program"), "pgbackrest"), config: text(config, "config")}
	if path, err := exec.LookPath(s.program); err == nil { // else the first call says it
		s.program = path
	}
	if s.config != "" {
		abs, err := filepath.Abs(s.config)
		if err != nil {
			return effect.Errorf(effect.CodeInvalid, "config: %v", err)
		}
		s.config = abs
	}
	if s.name == "" {
		return effect.Errorf(effect.CodeInvalid, "no stanza is named").WithHint("say what pgBackRest calls the cluster: stanza: main")
	}
	db.backups, db.wal = s, s
	for name, path := range map[string]string{"program": s.program, "config": s.config, "copies": db.copies.Dir} {
		if e := carried(name, path); e != nil {
			return e
		}
	}
	return nil
}

// argv begins a command line. What the team's configuration says of restores
// over live data (delta) does not count here, nor do its queues.
func (s *stanza) argv(level, verb string, more ...string) []string {
	out := []string{s.program, "--stanza=" + s.name, "--log-level-console=" + level, "--log-level-stderr=error", "--log-level-file=off"}
	if s.config != "" {
		out = append(out, "--config="+s.config)
	}
	return append(append(out, more...), verb)
}

// run runs pgBackRest and returns what it said on its standard output.
func (s *stanza) run(ctx context.Context, j *job, c *shared.Command) (out []byte, said string, e *effect.Error) {
	u, e := j.as()
	if e != nil {
		return nil, "", e
	}
	var text bytes.Buffer
	c.Env, c.Dir, c.User = shared.Environment(), "/", u
	if c.Line == nil {
		c.Output = &text
	}
	said, err := c.Run(ctx)
	said = complaint(said)
	switch verb := c.Argv[len(c.Argv)-1]; {
	case err == nil:
		return text.Bytes(), said, nil
	case ctx.Err() != nil:
		return nil, said, j.Ended("pgbackrest " + verb)
	case !shared.Started(err):
		return nil, said, effect.Errorf(effect.CodeUnsupported, "%s was not run: %v; nothing was started", s.program, err).
			WithHint("install pgBackRest here (Debian: pgbackrest), or say where it is: program in the configuration of pgbackrest")
	case !shared.Ended(err): // killed, as where memory runs out
		return nil, said, effect.Errorf(effect.CodeFailed, "pgbackrest %s of the stanza %s did not come to its end (%v) %s", verb, s.name, err, said).
			WithHint("the kernel's log tells what ran out of memory; its own log how far it came")
	case strings.Contains(said, "unable to acquire lock"):
		return nil, said, effect.Errorf(effect.CodeUnavailable, "pgbackrest %s of the stanza %s: another one is under way: %s", verb, s.name, said).WithHint("wait until it is through")
	default:
		return nil, said, effect.Errorf(effect.CodeFailed, "pgbackrest %s of the stanza %s: %v: %s", verb, s.name, err, said)
	}
}

// complaint leaves out what pgBackRest tells of its progress.
func complaint(said string) string {
	var out []string
	for line := range strings.Lines(said) {
		if line = strings.TrimSpace(line); line != "" && !strings.Contains(line, " INFO: ") {
			out = append(out, line)
		}
	}
	return strings.Join(out, " | ")
}

// info is what `pgbackrest info --output=json` says of a stanza.
// https://pgbackrest.org/command.html#command-info
type info struct {
	Name   string `json:"name"`
	Status struct {
		Code    int    `json:"code"`
		Message string `json:"message"`
		Lock    struct {
			Backup struct {
				Held bool `json:"held"`
			} `json:"backup"`
		} `json:"lock"`
	} `json:"status"`
	Backup []kept `json:"backup"`
}

// kept is one backup in it.
type kept struct {
	Label      string            `json:"label"`
	Type       string            `json:"type"`
	Error      bool              `json:"error"`      // pages whose checksums are wrong
	Errors     []any             `json:"error-list"` // their files, where one backup is asked for
	Annotation map[string]string `json:"annotation"`
	Tablespace []any             `json:"tablespace"` // where one backup is asked for
	Timestamp  struct {
		Start int64 `json:"start"`
		Stop  int64 `json:"stop"`
	} `json:"timestamp"`
	Info struct {
		Size int64 `json:"size"`
	} `json:"info"`
	Archive struct {
		Stop string `json:"stop"`
	} `json:"archive"`
	LSN struct {
		Stop string `json:"stop"`
	} `json:"lsn"`
}

// annotation is what a backup calls the effect that made it.
const annotation = "runbook"

// The states of a stanza without backups.
const (
	statusOK        = 0
	statusNoBackups = 2
)

func (s *stanza) info(ctx context.Context, j *job, more ...string) (*info, *effect.Error) {
	out, _, e := s.run(ctx, j, &shared.Command{Argv: s.argv("off", "info", append(more, "--output=json")...)})
	if e != nil {
		return nil, e
	}
	var list []info
	if err := json.Unmarshal(out, &list); err != nil || len(list) != 1 {
		return nil, effect.Errorf(effect.CodeFailed, "pgbackrest info of the stanza %s makes no sense (%v, %d stanzas)", s.name, err, len(list)).WithHint("it has to be pgBackRest 2.41 or newer")
	}
	if i := &list[0]; i.Status.Code == statusOK || i.Status.Code == statusNoBackups || len(i.Backup) > 0 {
		return i, nil
	}
	return nil, effect.Errorf(effect.CodeNotFound, "pgBackRest says of the stanza %s: %s", s.name, list[0].Status.Message).
		WithHint("check stanza and config in the configuration of pgbackrest, and the repository; a new cluster needs pgbackrest stanza-create")
}

func (s *stanza) list(j *job) ([]stored, *effect.Error) {
	i, e := s.info(j.Ctx, j)
	if e != nil {
		return nil, e
	}
	var out []stored
	for n := range i.Backup {
		out = append(out, i.Backup[n].stored())
	}
	return out, nil
}

// stored counts a backup as ended with the second in which it did: pgBackRest
// keeps whole ones.
func (k *kept) stored() stored {
	timeline, _ := strconv.ParseUint(k.Archive.Stop[:min(8, len(k.Archive.Stop))], 16, 32)
	return stored{Name: k.Label, Key: k.Annotation[annotation], Type: k.Type, Size: k.Info.Size, Timeline: int(timeline), End: lsn(k.LSN.Stop), Damaged: k.Error,
		Began: time.Unix(k.Timestamp.Start, 0).UTC(), Ended: time.Unix(k.Timestamp.Stop+1, 0).UTC(), EndedFrom: time.Unix(k.Timestamp.Stop, 0).UTC()}
}

// ours returns the backup that this effect made; nil if it is not there.
func (s *stanza) ours(ctx context.Context, j *job) (*stored, *effect.Error) {
	i, e := s.info(ctx, j)
	if e != nil {
		return nil, e
	}
	for n := range i.Backup {
		if i.Backup[n].Annotation[annotation] == j.ID() {
			out := i.Backup[n].stored()
			return &out, nil
		}
	}
	return nil, nil
}

func (s *stanza) make(j *job) (*stored, *effect.Error) {
	c := &shared.Command{Argv: s.argv("info", "backup", "--type="+or(j.Text("type"), "full"), "--annotation="+annotation+"="+j.ID(), "--start-fast")}
	c.Line = func(line string) {
		if _, text, ok := strings.Cut(line, " INFO: "); ok {
			j.Progress.Say("%s", text)
		}
	}
	_, _, e := s.run(j.Ctx, j, c)
	if e != nil && e.Code == effect.CodeUnavailable {
		return nil, e
	}
	// It may be complete although pgBackRest failed, at expiring others, or was
	// ended; one that is not complete is not listed.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(j.Ctx), max(j.timeout, 10*time.Second))
	defer cancel()
	made, lookErr := s.ours(ctx, j)
	switch {
	case made != nil:
		return made, nil
	case lookErr != nil:
		return nil, effect.Errorf(effect.CodeUnknown, "whether the backup is complete is not known: %s", lookErr.Message).WithHint("a resume asks pgbackrest info for it")
	case e == nil:
		return nil, effect.Errorf(effect.CodeUnknown, "pgBackRest ended well, and lists no backup with the annotation %s=%s", annotation, j.ID()).WithHint("look at pgbackrest info")
	}
	return nil, e
}

// seeKept asks for the backup of this effect, once no other is under way here
// that may be it.
func (j *job) seeKept() (effect.Observed, map[string]any, *effect.Error) {
	s := j.backups.(*stanza)
	for until := time.Now().Add(j.timeout); ; {
		i, e := s.info(j.Ctx, j)
		if e != nil {
			return "", nil, e
		}
		made, e := s.ours(j.Ctx, j)
		switch {
		case e != nil:
			return "", nil, e
		case made != nil && made.Damaged: // the repetition finds it, and says what is damaged
			return effect.NotApplied, nil, nil
		case made != nil:
			return effect.Applied, made.value("backup"), nil
		case !i.Status.Lock.Backup.Held:
			return effect.NotApplied, nil, nil
		case time.Now().After(until) || !j.Pause():
			return effect.Uncertain, nil, nil
		}
	}
}

// verify refuses what cannot be put beside the live data. Whether the files are
// whole pgBackRest checks as it restores them.
func (s *stanza) verify(j *job, b *stored) (int64, *effect.Error) {
	i, e := s.info(j.Ctx, j, "--set="+b.Name)
	if e != nil {
		return 0, e
	}
	for _, k := range i.Backup {
		if k.Label != b.Name {
			continue
		}
		if k.Error {
			return 0, effect.Errorf(effect.CodeUnhealthy, "the backup %s is damaged: %s had wrong checksums when it was made", b.Name, k.pages()).
				WithHint("restore another backup, or leave the backup out: the newest that is whole is taken")
		}
		if len(k.Tablespace) > 0 {
			return 0, effect.Errorf(effect.CodeUnsupported, "the backup %s has tablespaces, which a copy beside the live data would share with it; nothing was started", b.Name).
				WithHint("restore it by hand, with --tablespace-map-all")
		}
	}
	return b.Size, nil
}

// pages says where checksums were wrong.
func (k *kept) pages() string {
	const some = 10
	var files []string
	for _, one := range k.Errors {
		files = append(files, fmt.Sprint(one))
	}
	switch n := len(files); {
	case n == 0: // older versions name none
		return "pages"
	case n > some:
		return fmt.Sprintf("pages of %s and %d further files", strings.Join(files[:some], ", "), n-some)
	}
	return "pages of " + strings.Join(files, ", ")
}

func (s *stanza) fill(j *job, b *stored, data string, size int64) *effect.Error {
	defer j.watch("restored", data, size)()
	_, _, e := s.run(j.Ctx, j, &shared.Command{Argv: s.argv("off", "restore", "--set="+b.Name, "--pg1-path="+data, "--type=none", "--no-delta", "--no-link-all")})
	if e != nil && e.Code == effect.CodeFailed {
		e.Message += "; nothing was left of it"
	}
	return e
}

func (s *stanza) flush(j *job, _ *conn) (bool, *effect.Error) {
	j.Progress.Say("waiting until what was written is archived")
	_, _, e := s.run(j.Ctx, j, &shared.Command{Argv: s.argv("off", "check")})
	if e != nil && e.Code == effect.CodeFailed {
		e.Message += "; nothing was started"
		e.Hint = "the server has to archive (archive_command with pgbackrest archive-push), and pgBackRest to reach it; see pg_stat_archiver and the server's log"
	}
	return e == nil, e
}

func (s *stanza) fetch(data string) string {
	if real, err := filepath.EvalSymlinks(data); err == nil {
		data = real
	}
	quoted := ""
	for _, arg := range s.argv("off", "archive-get", "--no-archive-async", "--pg1-path="+data) {
		quoted += "'" + arg + "' "
	}
	return quoted + "'%f' '%p' 2>/dev/null"
}

func (s *stanza) history(j *job, name string) []byte {
	dir := filepath.Join(j.copies.Dir, timelines)
	if j.mkdir(j.copies.Dir) != nil || j.mkdir(dir) != nil {
		return nil
	}
	file := filepath.Join(dir, fmt.Sprintf(".%s-%s", j.ID(), name))
	defer os.Remove(file)
	u, e := j.as()
	if e != nil {
		return nil
	}
	c := &shared.Command{Argv: append(s.argv("off", "archive-get", "--no-archive-async"), name, file), Env: shared.Environment(), Dir: "/", User: u}
	if _, err := c.Run(j.Ctx); err != nil {
		return nil
	}
	text, _ := os.ReadFile(file)
	return text
}

// newest knows none: backups and nodes tell.
func (s *stanza) newest() (int, *effect.Error) { return 0, nil }

// until is not known: the repository may be anywhere.
func (s *stanza) until() time.Time { return time.Time{} }
