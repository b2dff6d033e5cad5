package files

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// TestHashIsThatOfSha256sum compares with the commands that a person would
// run.
func TestHashIsThatOfSha256sum(t *testing.T) {
	dir := tree(t, map[string]string{"d/b": "bee", "d/a/x": "ex", "d/a.txt": "dot", "d/new\nline": "n", "d/back\\slash": "s", "d/empty": ""})
	if err := os.Symlink("b", filepath.Join(dir, "d/link")); err != nil {
		t.Fatal(err)
	}
	b := backend(t, obj{"roots": []any{dir}})
	sum := func(command string) string {
		out, err := exec.Command("sh", "-c", "cd "+dir+" && "+command).Output()
		if err != nil {
			t.Skipf("%s: %v", command, err)
		}
		return strings.Fields(string(out))[0]
	}
	for _, c := range []struct {
		path, algorithm, command string
		files                    float64
	}{
		{dir + "/d/b", "sha256", "sha256sum d/b", 1},
		{dir + "/d/link", "sha512", "sha512sum d/b", 1},
		{dir + "/d", "sha256", "cd d && find . -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum", 6},
		{dir + "/d/", "sha512", "cd d && find . -type f -print0 | LC_ALL=C sort -z | xargs -0 sha512sum | sha512sum", 6},
		{dir + "/d/a", "sha256", "cd d/a && find . -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum", 1},
	} {
		got, err := invoke(t, b, "hash", obj{"path": c.path, "algorithm": c.algorithm})
		if want := sum(c.command); err != nil || got["hash"] != want || got["files"] != c.files {
			t.Errorf("%s: %v, %v; want %s of %v files", c.path, got, err, want, c.files)
		}
	}
	_, err := invoke(t, b, "hash", obj{"path": dir + "/d/b", "expect": strings.Repeat("0", 64)})
	fails(t, err, effect.CodeConflict, "expected was 000")
	_, err = invoke(t, b, "hash", obj{"path": dir + "/none"})
	fails(t, err, effect.CodeNotFound, dir+"/none")
}

// TestNothingOutsideIsTouched leads out of the roots in every way.
func TestNothingOutsideIsTouched(t *testing.T) {
	outside := tree(t, map[string]string{"secret": "hunter22", "etc/x.log": "hunter22"})
	dir := tree(t, map[string]string{"in/a.log": "a", "out/keep": "k"})
	for link, to := range map[string]string{"in/file.log": outside + "/secret", "in/dir": outside + "/etc", "in/up": "../..", "in/good": dir + "/in/a.log",
		"out/away": outside, "out/taken.tar.gz": outside + "/new.tar.gz"} {
		if err := os.Symlink(to, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	b := backend(t, obj{"roots": []any{dir + "/in"}, "archives": []any{dir + "/out"}, "dir": dir})
	for _, path := range []string{outside + "/secret", "in/file.log", "in/dir/x.log", "in/up", "in/../out/keep", "/etc/passwd", "in/../../etc", outside + "/none"} {
		_, err := invoke(t, b, "hash", obj{"path": path})
		fails(t, err, effect.CodeRefused, "outside of the directories that may be read")
		_, err = invoke(t, b, "search", obj{"paths": []any{path}, "pattern": "."})
		fails(t, err, effect.CodeRefused, "outside of the directories that may be read")
		_, err = invoke(t, b, "archive", obj{"paths": []any{path}, "to": "out/x.tar.gz"})
		fails(t, err, effect.CodeRefused, "outside of the directories that may be read")
	}
	_, err := invoke(t, b, "search", obj{"paths": []any{"in/*.log"}, "pattern": "."})
	fails(t, err, effect.CodeRefused, "in/file.log leads to "+outside+"/secret")
	_, err = invoke(t, b, "search", obj{"paths": []any{outside + "/*"}, "pattern": "."})
	fails(t, err, effect.CodeRefused, "outside")
	got, err := invoke(t, b, "search", obj{"paths": []any{"in"}, "pattern": "."})
	if err != nil || got["count"] != 1.0 {
		t.Errorf("links in a directory: %v, %v", got, err)
	}
	if got, err := invoke(t, b, "hash", obj{"path": "in/good"}); err != nil || got["size"] != 1.0 {
		t.Errorf("a link that stays inside: %v, %v", got, err)
	}
	for _, to := range []string{outside + "/x.tar.gz", "in/x.tar.gz", "out/away/x.tar.gz", "out/../in/x.tar.gz"} {
		_, err := invoke(t, b, "archive", obj{"paths": []any{"in/a.log"}, "to": to})
		fails(t, err, effect.CodeRefused, "outside of the directories that may be written to")
	}
	_, err = invoke(t, b, "archive", obj{"paths": []any{"in/a.log"}, "to": "out/taken.tar.gz"})
	fails(t, err, effect.CodeConflict, "is there already")
	_, err = invoke(t, backend(t, obj{"roots": []any{dir}}), "archive", obj{"paths": []any{dir}, "to": dir + "/x.tar.gz"})
	fails(t, err, effect.CodeRefused, "add archives:")
	if entries, _ := os.ReadDir(outside); len(entries) != 2 {
		t.Errorf("outside there is %v", entries)
	}
}

func TestSearch(t *testing.T) {
	long := strings.Repeat("x", 5000) + "needle"
	dir := tree(t, map[string]string{
		"app.log":    "2026-01-31T03:00:00Z start\nneedle before\n2026-01-31T03:05:00Z needle one\n  at needle.go:7\r\n2026-01-31T03:10:00Z needle two",
		"b.log.1.gz": zipped(t, "2026-01-31T02:00:00Z needle zipped\n"), "c.bin": "needle\x00needle", "d.log": "first\n" + long, "e.log": "", "empty.gz": "",
	})
	b := backend(t, obj{"roots": []any{dir}, "dir": dir, "zone": "UTC"})
	lines := func(args obj) (string, obj) {
		t.Helper()
		got, err := invoke(t, b, "search", args)
		if err != nil {
			t.Fatalf("%v: %v", args, err)
		}
		var all []string
		for _, m := range got["matches"].([]any) {
			m := m.(obj)
			all = append(all, fmt.Sprintf("%s:%v", filepath.Base(m["file"].(string)), m["line"]))
		}
		return strings.Join(all, " "), got
	}
	found, got := lines(obj{"paths": []any{"."}, "pattern": "needle"})
	if found != "app.log:2 app.log:3 app.log:4 app.log:5 b.log.1.gz:1 d.log:2" || got["files"] != 5.0 || got["truncated"] != false {
		t.Errorf("found %s, %v", found, got)
	}
	text := got["matches"].([]any)[5].(obj)["text"].(string)
	if len(text) > 4100 || !strings.HasSuffix(text, "…") {
		t.Errorf("a long line is %d bytes", len(text))
	}
	if third := got["matches"].([]any)[2].(obj); third["text"] != "  at needle.go:7" {
		t.Errorf("got %v", third)
	}
	if found, got := lines(obj{"paths": []any{"app.log", "*.gz"}, "pattern": "needle", "max": 2.0}); found != "app.log:2 app.log:3" || got["truncated"] != true {
		t.Errorf("two of them: %s, %v", found, got)
	}
	found, got = lines(obj{"paths": []any{"app.log", "b.log.1.gz"}, "pattern": "needle", "from": "2026-01-31T02:30:00Z", "to": "2026-01-31T03:05:00Z"})
	if found != "app.log:2 app.log:3 app.log:4" || got["matches"].([]any)[2].(obj)["time"] != 1769828700.0 {
		t.Errorf("by time: %s, %v", found, got)
	}
	if found, _ := lines(obj{"paths": []any{"app.log", "none*"}, "pattern": "^x"}); found != "" {
		t.Errorf("found %s", found)
	}
	for _, c := range []struct {
		args obj
		code effect.Code
		says string
	}{
		{obj{"paths": []any{"."}, "pattern": "("}, effect.CodeInvalid, "RE2"},
		{obj{"paths": []any{"d.log"}, "pattern": "x", "from": 0.0}, effect.CodeUnsupported, "no line of " + dir + "/d.log bears a time"},
		{obj{"paths": []any{"none*"}, "pattern": "x"}, effect.CodeNotFound, "no file is at none*"},
		{obj{"paths": []any{"app.log", "none.log"}, "pattern": "x"}, effect.CodeNotFound, dir + "/none.log"},
		{obj{"paths": []any{"[a"}, "pattern": "x"}, effect.CodeInvalid, "is no pattern"},
	} {
		_, err := invoke(t, b, "search", c.args)
		fails(t, err, c.code, c.says)
	}
	old := time.Now().Add(-48 * time.Hour)
	if err := os.Chtimes(filepath.Join(dir, "app.log"), old, old); err != nil {
		t.Fatal(err)
	}
	if found, _ := lines(obj{"paths": []any{"*.log"}, "pattern": "needle", "since": "1d"}); found != "d.log:2" {
		t.Errorf("of the last day: %s", found)
	}
}

// TestPipesDoNotHang names what no read comes back from.
func TestPipesDoNotHang(t *testing.T) {
	dir := tree(t, map[string]string{"a": "a"})
	if err := syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	b := backend(t, obj{"roots": []any{dir}, "dir": dir})
	if got, err := invoke(t, b, "hash", obj{"path": dir}); err != nil || got["files"] != 1.0 {
		t.Errorf("beside a pipe: %v, %v", got, err)
	}
	_, err := invoke(t, b, "hash", obj{"path": "pipe"})
	fails(t, err, effect.CodeInvalid, "no regular file")
}

func TestTimesOut(t *testing.T) {
	dir := tree(t, nil)
	f, err := os.Create(filepath.Join(dir, "huge"))
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Truncate(1 << 40); err != nil { // it takes no room
		t.Skip(err)
	}
	_ = f.Close()
	b := backend(t, obj{"roots": []any{dir}, "archives": []any{dir}, "dir": dir})
	_, e := invoke(t, b, "hash", obj{"path": "huge", "timeout": "50ms"})
	fails(t, e, effect.CodeTimeout, "took longer")
	_, e = invoke(t, b, "search", obj{"paths": []any{"huge"}, "pattern": "x", "timeout": "50ms"})
	if e != nil && e.Code != effect.CodeTimeout {
		t.Error(e)
	}
	_, e = invoke(t, b, "archive", obj{"paths": []any{"huge"}, "to": "x.tar.gz", "timeout": "50ms"})
	fails(t, e, effect.CodeTimeout, "took longer")
	ctx, cancel := context.WithCancel(t.Context())
	lines := make(chan string, 9)
	req := request(t, "archive", "k", obj{"paths": []any{"huge"}, "to": "x.tar.gz"})
	req.Progress = func(line string) { lines <- line; cancel() }
	_, err = b.Invoke(ctx, req)
	fails(t, effect.AsError(err), effect.CodeTimeout, "canceled")
	if line := <-lines; !strings.Contains(line, "of 1 TiB, 0 of 1 files") {
		t.Errorf("progress %q", line)
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 1 {
		t.Errorf("left behind: %v", entries)
	}
}

func TestRefusedConfiguration(t *testing.T) {
	dir := tree(t, map[string]string{"f": ""})
	for says, config := range map[string]obj{
		"roots: lstat " + dir + "/none":   {"roots": []any{dir + "/none"}},
		"roots: " + dir + "/f is no dir":  {"roots": []any{dir + "/f"}},
		"archives: lstat " + dir + "/out": {"roots": []any{dir}, "archives": []any{dir + "/out"}},
		"zone: unknown time zone Mars":    {"roots": []any{dir}, "zone": "Mars"},
	} {
		if err := New().Configure(t.Context(), config); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%v: %v, want %q", config, err, says)
		}
	}
	if _, err := effect.CheckFields(New().Describe().Config, nil, obj{}); err == nil {
		t.Error("without roots it passes")
	}
}

func TestValuesFit(t *testing.T) {
	if got := []string{inBytes(0), inBytes(1023), inBytes(1536), inBytes(5 << 30)}; !reflect.DeepEqual(got, []string{"0 bytes", "1023 bytes", "1.5 KiB", "5 GiB"}) {
		t.Error(got)
	}
}
