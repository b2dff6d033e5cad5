package remote

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// Died is the error of a script that gave up: "CODE why".
func Died(t *Host, why string) *effect.Error {
	code, text, _ := strings.Cut(why, " ")
	hints := map[string]string{
		"not_found":   "check the path or the name on the host",
		"unsupported": "it needs a Linux host with util-linux and coreutils (or busybox)",
		"refused":     "check the rights of the user that works there; state and sudo in the configuration of ssh say where and as whom",
	}
	known := []effect.Code{effect.CodeNotFound, effect.CodeUnsupported, effect.CodeRefused, effect.CodeConflict, effect.CodeInvalid}
	if slices.Contains(known, effect.Code(code)) {
		e := effect.Errorf(effect.Code(code), "%s: %s; nothing was changed there", t, text)
		if hint := hints[code]; hint != "" {
			return e.WithHint("%s", hint)
		}
		return e
	}
	return effect.Errorf(effect.CodeFailed, "%s: %s", t, text)
}

// silent is the error of a session that ended before the script said anything.
func silent(t *Host, a *answer) *effect.Error {
	why := "the session ended before anything ran"
	if a.noise != "" {
		why += ": " + a.noise
	}
	hint := "log in by hand as the same user and run /bin/sh; what its start-up files write, or a forced command, may be in the way"
	if t.sudo != "" {
		hint = fmt.Sprintf("sudo -n -u %s /bin/sh has to work there without a password for %s (NOPASSWD in sudoers)", t.sudo, t.user)
	}
	return effect.Errorf(effect.CodeRefused, "%s: %s", t, why).WithHint("%s", hint)
}

// cutOff is the error of a connection that broke, or of a call that ended, while
// a script was under way.
func cutOff(t *Host, a *answer, writes bool) *effect.Error {
	why := "the connection broke"
	code := effect.CodeUnavailable
	if a.err == context.Canceled {
		why, code = "the call was canceled", effect.CodeTimeout
	} else if a.err == context.DeadlineExceeded {
		why, code = "the call's time was up", effect.CodeTimeout
	}
	if !writes {
		return effect.Errorf(code, "%s: %s before the answer had come", t, why).WithHint("check the host and the way to it")
	}
	return effect.Errorf(effect.CodeUnknown, "%s: %s after the request was sent, and nobody knows what came of it", t, why).
		WithHint("a resume asks the host; if it cannot be asked, look there and say what happened")
}
