package ssh

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins"
	"github.com/q-ecosystem/runbook/plugins/internal/remote"
)

// source is what is to be copied.
type source struct {
	open func() (io.ReadCloser, error)
	sum  string
	size int64
}

func (j *job) source() (*source, *effect.Error) {
	s := &source{}
	if text, given := j.req.Args["text"].(string); given {
		s.open = func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(text)), nil }
	} else {
		file := j.text("from")
		if !filepath.IsAbs(file) {
			file = filepath.Join(j.b.dir, file)
		}
		info, err := os.Stat(file)
		switch {
		case os.IsNotExist(err):
			return nil, effect.Errorf(effect.CodeNotFound, "there is no file %s here; nothing was copied", file).WithHint("relative paths begin at dir in the configuration of ssh, or in the run's directory")
		case err != nil:
			return nil, effect.Errorf(effect.CodeRefused, "%v; nothing was copied", err)
		case !info.Mode().IsRegular():
			return nil, effect.Errorf(effect.CodeInvalid, "%s is no file; nothing was copied", file)
		}
		s.open = func() (io.ReadCloser, error) { return os.Open(file) }
	}
	in, err := s.open()
	if err != nil {
		return nil, effect.Errorf(effect.CodeRefused, "%v; nothing was copied", err)
	}
	defer in.Close()
	h := sha256.New()
	if s.size, err = io.Copy(h, in); err != nil {
		return nil, effect.Errorf(effect.CodeFailed, "%v; nothing was copied", err)
	}
	s.sum = hex.EncodeToString(h.Sum(nil))
	if want := j.text("expect"); want != "" && !strings.EqualFold(want, s.sum) {
		return nil, effect.Errorf(effect.CodeConflict, "the file for %s has the SHA-256 %s, expected was %s; nothing was copied", j.text("to"), s.sum, want).
			WithHint("find out what changed it before it is used")
	}
	return s, nil
}

// fileState says of a file: "file SIZE SHA256 MODE OWNER", "none", or dies.
const fileState = `for c in sha256sum stat; do command -v "$c" >/dev/null 2>&1 || die unsupported "it has no program $c"; done
state() {
  [ -d "$1" ] && die conflict "$1 is a directory"
  [ -e "$1" ] || return 1
  [ -f "$1" ] || die conflict "$1 is no plain file"
  [ -r "$1" ] || die refused "$1 may not be read"
  h=$(sha256sum <"$1") && f=$(stat -L -c '%s %a %U:%G' -- "$1") || die failed "$1 cannot be read"
  set -- $f
  echo "$1 ${h%% *} $2 $3"
}
`

// put is the rest of a script that copies. The file comes by standard input,
// under another name first; the mode is that of the file in its place where
// none is said.
const put = `umask 077
[ -d "$dir" ] || die not_found "there is no directory $dir"
[ -h "$to" ] && { to=$(readlink -f -- "$to") || die conflict "$to is a link that leads nowhere"; dir=$(dirname -- "$to"); }
old=$(state "$to"); [ $? = 9 ] && exit 0
set -- $old
[ -n "$mode" ] || mode=${3:-644}
if [ -n "$2" ] && [ "$2" = "$sum" ] && [ "$((0$3))" = "$((0$mode))" ]; then
  case $4 in "$owner" | "$owner":*) say end same; exit 0;; esac
  [ -z "$owner" ] && { say end same; exit 0; }
fi
tmp=$dir/.runbook-$k
trap 'rm -f "$tmp"' EXIT
(set -C; : >"$tmp") 2>/dev/null || { rm -f "$tmp" && (set -C; : >"$tmp") 2>/dev/null; } || die refused "no file can be made in $dir"
say begun
cat >"$tmp" || die failed "the file could not be written to $dir"
h=$(sha256sum <"$tmp"); h=${h%% *}
[ "$h" = "$sum" ] || die failed "what arrived has the SHA-256 $h, not $sum"
if [ -n "$owner" ]; then chown -- "$owner" "$tmp" 2>/dev/null || die refused "its owner cannot be made $owner"
elif [ -n "$4" ]; then chown -- "$4" "$tmp" 2>/dev/null || :; fi
chmod -- "$mode" "$tmp" || die refused "its mode cannot be made $mode"
durable "$tmp"
mv -f -- "$tmp" "$to" || die failed "it cannot be moved to $to"
durable "$dir"
say end changed
exit 0
`

// copyScript compares, and copies if upload is set.
func (j *job) copyScript(t *remote.Host, s *source, upload bool) string {
	to := j.text("to")
	vars := fmt.Sprintf("to=%s\ndir=%s\nsum=%s\nmode=%s\nowner=%s\nk=%s\n", remote.Quote(to), remote.Quote(path.Dir(to)), s.sum, remote.Quote(j.text("mode")), remote.Quote(j.text("owner")), remote.RecordName(j.req.Key + "\x00" + t.Name)[:16]) // hosts may share a directory
	if upload {
		return remote.Prelude + fileState + vars + put
	}
	return remote.Prelude + fileState + vars + "[ -h \"$to\" ] && to=$(readlink -f -- \"$to\")\nold=$(state \"$to\"); [ $? = 9 ] && exit 0\ncase $old in '') say end none;; *) say end \"file $old\";; esac\nexit 0\n"
}

func (j *job) copy(ctx context.Context) (map[string]any, *effect.Error) {
	s, e := j.source()
	if e != nil {
		return nil, e
	}
	partial, _ := j.req.Args["partial"].(bool)
	out := j.each(ctx, partial, func(ctx context.Context, t *remote.Host) (map[string]any, *effect.Error) {
		return j.copyOn(ctx, t, s)
	})
	value, e := j.gather(out, true)
	if e != nil {
		return nil, e
	}
	value["sha256"], value["size"] = s.sum, float64(s.size)
	return value, nil
}

func (j *job) copyOn(ctx context.Context, t *remote.Host, s *source) (map[string]any, *effect.Error) {
	same, e := j.compare(ctx, t, s) // so that nothing is sent that is there
	if e != nil {
		return nil, e
	}
	if same {
		return map[string]any{"changed": false}, nil
	}
	in, err := s.open()
	if err != nil {
		return nil, effect.Errorf(effect.CodeRefused, "%v; nothing was copied", err)
	}
	defer in.Close()
	said, e := j.b.hosts.Ask(ctx, t, remote.Script{Text: j.copyScript(t, s, true), Stdin: j.metered(t, in, s.size)}, true)
	if e != nil {
		return nil, e
	}
	return map[string]any{"changed": said == "changed"}, nil
}

// metered tells, once a second, how much of a file is on its way.
func (j *job) metered(t *remote.Host, from io.Reader, size int64) io.Reader {
	return &meter{from: from, next: time.Now().Add(time.Second), tell: func(n int64) {
		j.req.Progress(fmt.Sprintf("%s: sent %d of %d MiB", t.Name, n>>20, size>>20))
	}}
}

// meter is a reader that tells how far it has come.
type meter struct {
	from io.Reader
	n    int64
	next time.Time
	tell func(n int64)
}

// Read implements io.Reader.
func (m *meter) Read(p []byte) (int, error) {
	n, err := m.from.Read(p)
	m.n += int64(n)
	if now := time.Now(); now.After(m.next) {
		m.next = now.Add(time.Second)
		m.tell(m.n)
	}
	return n, err
}

// compare reports whether the file on a host is as it is to be.
func (j *job) compare(ctx context.Context, t *remote.Host, s *source) (bool, *effect.Error) {
	f, e := j.stat(ctx, t, remote.Script{Text: j.copyScript(t, s, false)})
	if e != nil || f == nil {
		return false, e
	}
	mode, owner := j.text("mode"), j.text("owner")
	return f.sum == s.sum && (mode == "" || octal(mode) == f.mode) && (owner == "" || f.owner == owner || strings.HasPrefix(f.owner, owner+":")), nil
}

// file is what a host says of a file.
type file struct {
	size             int64
	sum, mode, owner string
}

// stat runs a script that says how a file is; nil if there is none.
func (j *job) stat(ctx context.Context, t *remote.Host, s remote.Script) (*file, *effect.Error) {
	said, e := j.b.hosts.Ask(ctx, t, s, false)
	if e != nil {
		return nil, e
	}
	parts := strings.Fields(said)
	if len(parts) != 5 || parts[0] != "file" {
		return nil, nil
	}
	size, _ := strconv.ParseInt(parts[1], 10, 64)
	return &file{size, parts[2], octal(parts[3]), parts[4]}, nil
}

// octal writes a mode with four digits.
func octal(mode string) string {
	n, err := strconv.ParseUint(mode, 8, 32)
	if err != nil {
		return mode
	}
	return fmt.Sprintf("%04o", n)
}

// observeCopy compares. What is there already was put there by this effect or
// by another one that wanted the same.
func (j *job) observeCopy(ctx context.Context) (plugins.Observation, error) {
	s, e := j.source()
	if e != nil {
		return plugins.Observation{State: effect.Uncertain}, e
	}
	out := j.each(ctx, true, func(ctx context.Context, t *remote.Host) (map[string]any, *effect.Error) {
		if e := j.b.hosts.Await(ctx, t); e != nil {
			return nil, e
		}
		same, e := j.compare(ctx, t, s)
		if e == nil && !same {
			e = effect.Errorf(codeVoid, "%s: the file is not as it is to be", t)
		}
		return map[string]any{}, e
	})
	seen, err := j.settle(out, true)
	if value, ok := seen.Value.(map[string]any); ok {
		value["sha256"], value["size"] = s.sum, float64(s.size)
	}
	return seen, err
}
