package ssh

import (
	"bytes"
	"context"
	"fmt"
	"sync"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins/internal/output"
	"github.com/q-ecosystem/runbook/plugins/internal/remote"
)

// readScript says how a file is and writes its beginning. The hash is that of
// what was read, all of it.
const readScript = `f=$(state "$to"); [ $? = 9 ] && exit 0
case $f in '') die not_found "no file is at $to";; esac
head -c "$max" -- "$to"
say end "file $f"
exit 0
`

func (j *job) read(ctx context.Context) (map[string]any, *effect.Error) {
	most, _ := j.req.Args["max"].(float64)
	if most < 1 {
		most = 64 << 10
	}
	most = min(most, float64(largest/len(j.hosts)))
	script := remote.Prelude + fileState + fmt.Sprintf("to=%s\nmax=%d\n", remote.Quote(j.text("path")), int(most)) + readScript
	out := j.each(ctx, true, func(ctx context.Context, t *remote.Host) (map[string]any, *effect.Error) {
		var mu sync.Mutex
		var text bytes.Buffer
		f, e := j.stat(ctx, t, remote.Script{Text: script, Write: func(which int, p []byte) {
			mu.Lock()
			defer mu.Unlock()
			if which == output.Stdout {
				text.Write(p)
			}
		}})
		if e != nil {
			return nil, e
		}
		mu.Lock()
		defer mu.Unlock()
		if f == nil {
			return nil, effect.Errorf(effect.CodeFailed, "%s: %s could not be read", t, j.text("path"))
		}
		return map[string]any{"text": text.String(), "size": float64(f.size), "sha256": f.sum, "mode": f.mode, "owner": f.owner, "truncated": int64(text.Len()) < f.size}, nil
	})
	return j.gather(out, false)
}
