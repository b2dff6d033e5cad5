package files

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// TestArchive makes one, and lets tar and sha256sum look at it.
func TestArchive(t *testing.T) {
	dir := tree(t, map[string]string{"logs/app.log": strings.Repeat("line\n", 1e5), "logs/old/app.log": "old", "logs/new\nline": "n", "out/other": ""})
	if err := os.Symlink("app.log", filepath.Join(dir, "logs/current")); err != nil {
		t.Fatal(err)
	}
	b := backend(t, obj{"roots": []any{dir}, "archives": []any{dir + "/out"}, "dir": dir})
	args := obj{"paths": []any{"logs", "logs/*.log", dir + "/out"}, "to": "out/a.tar.gz"}
	got, err := invoke(t, b, "archive", args)
	if err != nil || got["files"] != 5.0 || got["path"] != "out/a.tar.gz" {
		t.Fatalf("%v, %v", got, err)
	}
	into := t.TempDir()
	for _, command := range []string{
		"tar -xzf " + dir + "/out/a.tar.gz -C " + into, "cd " + into + " && sha256sum --quiet -c MANIFEST.sha256",
		"diff -r " + dir + "/logs " + into + dir + "/logs",
		"test $(sha256sum < " + dir + "/out/a.tar.gz | cut -d' ' -f1) = " + got["sha256"].(string),
	} {
		if out, err := exec.Command("sh", "-c", command).CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", command, err, out)
		}
	}
	info, statErr := os.Stat(dir + "/out/a.tar.gz")
	if statErr != nil || float64(info.Size()) != got["size"] || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, statErr)
	}

	// The same effect again finds its own; another one takes no place.
	again, err := invoke(t, b, "archive", args)
	if err != nil || again["sha256"] != got["sha256"] || again["files"] != 5.0 {
		t.Errorf("again: %v, %v", again, err)
	}
	_, other := b.Invoke(t.Context(), request(t, "archive", "another", args))
	fails(t, effect.AsError(other), effect.CodeConflict, "takes no other archive in its place")
	for key, want := range map[string]effect.Observed{"key": effect.Applied, "another": effect.NotApplied} {
		seen, err := b.Observe(t.Context(), request(t, "archive", key, args))
		if err != nil || seen.State != want || want == effect.Applied && seen.Value.(obj)["sha256"] != got["sha256"] {
			t.Errorf("observed for %s: %+v, %v", key, seen, err)
		}
	}
	if _, err := b.Preview(t.Context(), request(t, "archive", "another", args)); effect.AsError(err) == nil {
		t.Error("a preview does not see that the place is taken")
	}
	p, perr := b.Preview(t.Context(), request(t, "archive", "k", obj{"paths": []any{"logs"}, "to": "out/p.tgz"}))
	if perr != nil || p.To != "4 files, 488.3 KiB before compression" {
		t.Errorf("preview %+v, %v", p, perr)
	}
	_, err = invoke(t, b, "archive", obj{"paths": []any{"logs"}, "to": "out/b.tar.gz", "since": 0.0})
	fails(t, err, effect.CodeNotFound, "nothing to archive")
	if entries, _ := os.ReadDir(dir + "/out"); len(entries) != 2 {
		t.Errorf("in its directory there is %v", entries)
	}
}

// TestArchiveAfterAKill begins with what an attempt left that was killed.
func TestArchiveAfterAKill(t *testing.T) {
	dir := tree(t, map[string]string{"a.log": "a"})
	b := backend(t, obj{"roots": []any{dir}, "archives": []any{dir}, "dir": dir})
	req := request(t, "archive", "key", obj{"paths": []any{"a.log"}, "to": "a.tar.gz"})
	j, cancel := b.job(t.Context(), req)
	defer cancel()
	put(t, filepath.Join(dir, ".a.tar.gz."+strings.TrimPrefix(j.mark(), "runbook ")), "half an archive")
	seen, err := b.Observe(t.Context(), req)
	if err != nil || seen.State != effect.NotApplied {
		t.Errorf("observed %+v, %v", seen, err)
	}
	if _, err := b.Invoke(t.Context(), req); err != nil {
		t.Fatal(err)
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 2 {
		t.Errorf("there is %v", entries)
	}
}

// TestArchiveWithoutRights cannot write, and says where.
func TestArchiveWithoutRights(t *testing.T) {
	if os.Getuid() == 0 {
		t.Skip("root may write anywhere")
	}
	dir := tree(t, map[string]string{"a.log": "a", "out/x": ""})
	if err := os.Chmod(dir+"/out", 0o500); err != nil {
		t.Fatal(err)
	}
	b := backend(t, obj{"roots": []any{dir}, "archives": []any{dir + "/out"}, "dir": dir})
	_, err := invoke(t, b, "archive", obj{"paths": []any{"a.log"}, "to": "out/a.tar.gz"})
	fails(t, err, effect.CodeRefused, dir+"/out/a.tar.gz cannot be written")
}
