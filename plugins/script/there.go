package script

import (
	"context"
	"errors"
	"strings"
	"syscall"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/redact"
	"github.com/q-ecosystem/runbook/plugins/internal/output"
	"github.com/q-ecosystem/runbook/plugins/internal/program"
	"github.com/q-ecosystem/runbook/plugins/internal/remote"
)

// there runs a program on the call's host. One that may change something leaves
// a record there, and goes on when the connection breaks; see package remote.
func (c *call) there(ctx context.Context, p *program.Program, r *reply) (program.End, *effect.Error) {
	command := &remote.Command{Argv: append([]string{p.Path}, p.Argv[1:]...), Vars: p.Vars, Dir: p.Dir, Limit: p.Timeout, Grace: p.Grace,
		About: "run " + c.req.Run + ", effect " + c.req.Place + "\n" + r.String()}
	if r.writes() {
		command.Record, command.Anew = c.record(), true
	}
	began := time.Now()
	end, e := c.b.settings.hosts.Run(ctx, c.host, command.Script(c.host), strings.NewReader(p.Stdin), r.writes(), r.out)
	took := time.Since(began)
	if e != nil {
		return program.End{}, e
	}
	switch end.Kind {
	case "exit":
		return program.End{Status: syscall.WaitStatus(end.Code << 8), Took: took}, nil
	case "die":
		return program.End{}, c.gaveUp(end.Why)
	}
	why := "was still running when its time was up"
	if errors.Is(ctx.Err(), context.Canceled) {
		why = "was canceled"
	}
	return program.End{Stopped: why, Gone: true, Took: took}, nil
}

// record is where the call's program leaves on its host what came of it.
func (c *call) record() *remote.Record {
	return &remote.Record{Key: c.req.Key, Attempt: max(c.req.Attempt, 1)}
}

// gaveUp is the error of a script that did not begin the program.
func (c *call) gaveUp(why string) *effect.Error {
	switch word, rest, _ := strings.Cut(why, " "); word {
	case "running", "lost", "void":
		return effect.Errorf(effect.CodeUnknown, "%s: %s: %s; nothing more was begun there", c.host, word, rest).
			WithHint("look at what is deployed%s, then say what happened", c.place("in"))
	}
	e := remote.Died(c.host, why)
	if e.Code == effect.CodeNotFound {
		return e.WithHint("with `on`, programs are paths on the hosts; a relative one counts from the configuration's file here, so write an absolute one")
	}
	return e
}

// ended waits until no earlier attempt runs on the call's host, and keeps those
// from beginning that have not.
func (c *call) ended(ctx, waits context.Context) *effect.Error {
	hosts := c.b.settings.hosts
	if e := hosts.Await(waits, c.host); e != nil {
		return e
	}
	end, e := hosts.Run(ctx, c.host, c.record().Past(c.host, c.limit(waits)), nil, false, output.New(redact.New(), nil, false))
	switch {
	case e != nil:
		return e
	case end.Kind == "die":
		return c.gaveUp(end.Why)
	}
	return nil
}
