package files

import (
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/stdlib/internal/modeltest"
)

type obj = map[string]any

func TestFilesModel(t *testing.T) {
	r := modeltest.New(t, Module(), obj{"/var/log/app.log": obj{"text": "fine\nerror: a\nerror: b\n"}, "/var/log/old.log": obj{"text": "error: c", "age": "2d"},
		"/opt/app": obj{"hash": "ABCD", "size": "3MiB"}})
	modeltest.Is(t, "search", r.Must("search", obj{"paths": []any{"/var/log/*.log"}, "pattern": "^error", "since": "1d", "max": 1.0}),
		obj{"matches": []any{obj{"file": "/var/log/app.log", "line": 2.0, "text": "error: a"}}, "count": 1.0, "truncated": true, "files": 1.0})
	modeltest.Is(t, "in a directory", r.Must("search", obj{"paths": []any{"/var/log"}, "pattern": "error"})["count"], 3.0)
	r.Fails("search", obj{"paths": []any{"/var"}, "pattern": "("}, effect.CodeInvalid, "RE2")
	modeltest.Is(t, "hash", r.Must("hash", obj{"path": "/opt/app", "expect": "abcd"})["hash"], "ABCD")
	r.Fails("hash", obj{"path": "/opt/app", "expect": "ffff"}, effect.CodeConflict, "expected was ffff")
	modeltest.Is(t, "of a text", r.Must("hash", obj{"path": "/var/log/old.log"})["hash"], digest("sha256", "error: c"))
	r.Fails("hash", obj{"path": "/none"}, effect.CodeNotFound, "no file is at /none")
	modeltest.New(t, Module(), nil).Fails("hash", obj{"path": "/none"}, effect.CodeUnsupported, "files = {")
	r.Fails("search", obj{"paths": []any{"/var/log"}, "pattern": "x", "from": 0.0}, effect.CodeUnsupported, "/var/log/app.log bears a time")
	r.Fails("search", obj{"paths": []any{"/var/log/*.gz"}, "pattern": "x"}, effect.CodeNotFound)
	modeltest.Is(t, "archive", r.Must("archive", obj{"paths": []any{"/var/log"}, "to": "/tmp/x.tar.gz"})["files"], 2.0)
	r.Fails("archive", obj{"paths": []any{"/var/log"}, "to": "/tmp/x.tar.gz"}, effect.CodeConflict, "no other archive in its place")
	r.Fails("archive", obj{"paths": []any{"/none"}, "to": "/tmp/y.tar.gz"}, effect.CodeNotFound)
	modeltest.New(t, Module(), nil).Must("archive", obj{"paths": []any{"/var/log"}, "to": "/tmp/x.tar.gz"})
}
