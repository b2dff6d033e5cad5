package app

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"github.com/spf13/pflag"

	"github.com/q-ecosystem/runbook/cmd/runbook/internal/config"
	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/journal"
)

// tokenVariable holds somebody's token, where no flag names a file with it.
const tokenVariable = "RUNBOOK_TOKEN"

// Claim is what somebody who answers says and shows of who they are.
type Claim struct {
	As        string
	TokenFile string
}

// Add adds the flags of the commands that record an answer.
func (c *Claim) Add(f *pflag.FlagSet) {
	f.StringVar(&c.As, "as", "", "answer as `PERSON` (default: your user name, which is recorded beside it)")
	f.StringVar(&c.TokenFile, "token-file", "", "the `FILE` with your token; - is standard input (default: $RUNBOOK_TOKEN)")
}

// digest is that of the token that is shown; "" of none.
func (c Claim) digest(stdin io.Reader) (string, error) {
	var token effect.Secret
	var err error
	switch {
	case c.TokenFile == StandardInput:
		token, err = config.ReadSecret("the token on standard input", stdin)
	case c.TokenFile != "":
		if token, err = config.Secret("file:" + c.TokenFile); err != nil {
			err = fmt.Errorf("%w; %s", err, ByInput("--token-file"))
		}
	case os.Getenv(tokenVariable) != "":
		token, err = config.Secret("env:" + tokenVariable)
	default:
		return "", nil
	}
	if err != nil {
		return "", Usage(err)
	}
	return effect.TokenDigest(token.Reveal()), nil
}

// Answerer is who answers what a run asks: the person whose token is shown, the
// one that --as names, or the user of the operating system. Who that can be, the
// people in the run's configuration say; where there are none, --as is believed,
// unless that configuration or the one of here forbids it.
func (a *App) Answerer(ctx context.Context, db *journal.DB, run journal.Run, c Claim) (effect.Identity, error) {
	pin, err := PinnedBy(ctx, db, run)
	if err != nil {
		return effect.Identity{}, err
	}
	if c.As != "" && c.As != User() {
		if file, err := a.ownName(pin); err != nil || file != "" {
			if err == nil {
				err = fmt.Errorf("--as %s: %s has everybody answer in their own name (approvals: { as: refuse }); without --as, you answer as %s", c.As, file, User())
			}
			return effect.Identity{}, err
		}
	}
	var people effect.People
	if pin != nil {
		people = pin.People
	}
	if people == nil && c.TokenFile != "" {
		return effect.Identity{}, Usagef("--token-file: the run was started with %s, which names no people whose tokens it could be; answer without it", configuredBy(pin))
	}
	digest := ""
	if people != nil {
		if digest, err = c.digest(a.Stdin); err != nil {
			return effect.Identity{}, err
		}
	}
	who, err := people.Identify(c.As, Operator(), digest, time.Now())
	if err != nil {
		return who, fmt.Errorf("%w, by people: in %s as it was when the run started; with --config-now, `runbook resume` goes on with those of today", err, configuredBy(pin))
	}
	if people == nil {
		return who, nil
	}
	return stillIs(who, pin, c.As, digest)
}

// stillIs takes back what the run's configuration does not say of somebody any
// more: a token that was withdrawn, or a role, since the run started.
func stillIs(who effect.Identity, pin *config.Pin, as, digest string) (effect.Identity, error) {
	cfg, err := config.Load(pin.File)
	if err != nil { // it may be on another machine: what the run has recorded counts
		return who, nil
	}
	now, err := cfg.People.Identify(as, Operator(), digest, time.Now())
	if err == nil && now.Name != who.Name {
		err = fmt.Errorf("you would be %s", now.Name)
	}
	if err != nil {
		return who, fmt.Errorf("%s answered when the run started, and does not any more: by people: in %s as it is now, %w", who.Name, pin.File, err)
	}
	who.Roles = slices.DeleteFunc(slices.Clone(who.Roles), func(role string) bool { return !slices.Contains(now.Roles, role) })
	return who, nil
}

func configuredBy(pin *config.Pin) string {
	if pin == nil {
		return configured("")
	}
	return configured(pin.File)
}

// whoIsHere answers here without showing a token, by the people of a run.
func whoIsHere(people effect.People) effect.Identity {
	who, err := people.Identify("", Operator(), "", time.Now())
	if err != nil { // an account of several, or of none
		return effect.Identity{Name: User()}
	}
	return who
}

// ownName returns the configuration that has everybody answer in their own name,
// the one that the run was started with or the one of here; "" if none does. That of
// here need not be one that can be read, where the run has its own: whoever answers
// by sudo stands in a folder of theirs.
func (a *App) ownName(pin *config.Pin) (string, error) {
	if pin != nil && pin.Approvals.OwnName {
		return pin.File, nil
	}
	cfg, err := config.Open(a.Flags.Config, ".")
	switch {
	case err != nil && pin != nil && a.Flags.Config == "":
		return "", nil
	case err != nil:
		return "", fmt.Errorf("whether people may answer in other names (--as) cannot be told: %w; answer without --as, or name a configuration that can be read by --config", err)
	case cfg.Approvals.OwnName:
		return cfg.Path, nil
	}
	return "", nil
}

// Getenv is the environment as scripts see it: without the token of whoever
// started them.
func Getenv(name string) (string, bool) {
	if name == tokenVariable {
		return "", false
	}
	return os.LookupEnv(name)
}
