package remote

import (
	"context"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins/internal/output"
)

// Run runs the script of a Command, or of a Record's past, on one host and
// takes the command's output, which is closed then. Of a connection that broke
// after the script was sent, the error says that nobody knows what came of it
// if it writes. A command whose call is over is killed.
func (h *Hosts) Run(ctx context.Context, t *Host, script string, stdin io.Reader, writes bool, out *output.Output) (Ending, *effect.Error) {
	var mu sync.Mutex
	pid, stopping, closed := "", false, false
	a, e := h.do(ctx, t, Script{Text: script, Stdin: stdin,
		Write: func(which int, p []byte) {
			mu.Lock()
			defer mu.Unlock()
			if !closed {
				out.Write(which, p)
			}
		},
		said: func(words string) {
			mu.Lock()
			defer mu.Unlock()
			if rest, ok := strings.CutPrefix(words, "begun "); ok {
				pid = rest
			}
			stopping = stopping || words == "stopping"
		}})
	if e != nil {
		return Ending{}, e
	}
	mu.Lock()
	defer mu.Unlock()
	out.Close()
	closed = true
	if a.err != nil {
		if ctx.Err() != nil && pid != "" {
			h.kill(t, pid)
		}
		if a.clean {
			return Ending{}, silent(t, a)
		}
		return Ending{}, cutOff(t, a, writes)
	}
	_, rest := a.last()
	end := parseEnding(rest)
	if stopping && end.Kind == "exit" {
		end.Kind = "stopped"
	}
	return end, nil
}

// CheckEnv verifies that a host can be given these variables: a shell there
// exports them.
func CheckEnv(field string, vars map[string]string) *effect.Error {
	for _, name := range slices.Sorted(maps.Keys(vars)) {
		if !isName(name) || strings.ContainsRune(vars[name], 0) {
			return effect.Errorf(effect.CodeInvalid, "%s: %q cannot be set in an environment, its name or its value is no text for one; nothing ran", field, name)
		}
	}
	return nil
}

func isName(s string) bool {
	for i, r := range s {
		if r != '_' && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (i == 0 || r < '0' || r > '9') {
			return false
		}
	}
	return s != ""
}

// Ask runs a script that is no command, and returns what it said at its end.
// The error is also what it died of.
func (h *Hosts) Ask(ctx context.Context, t *Host, s Script, writes bool) (said string, failed *effect.Error) {
	a, e := h.do(ctx, t, s)
	switch {
	case e != nil:
		return "", e
	case a.clean:
		return "", silent(t, a)
	case a.err != nil:
		return "", cutOff(t, a, writes)
	}
	_, rest := a.last()
	if why, bad := strings.CutPrefix(rest, "die "); bad {
		return "", Died(t, why)
	}
	return rest, nil
}

// kill ends a command whose call is over.
func (h *Hosts) kill(t *Host, pid string) {
	if _, err := strconv.Atoi(pid); err != nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_, _ = h.do(ctx, t, Script{urgent: true, Text: Prelude + "kill -TERM -" + pid + " 2>/dev/null; sleep 0.5; kill -KILL -" + pid + " 2>/dev/null; say end ok\n"})
}
