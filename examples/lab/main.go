package lab

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// DefaultDir is the lab's directory where neither --dir nor EnvDir names one.
const DefaultDir = ".runbook-lab"

// EnvDir is the environment variable that names the lab's directory. The
// configuration that the lab writes sets it for the programs of exec.run, so
// that a runbook can say `runbook lab deploy`.
const EnvDir = "RUNBOOK_LAB"

func defaultDir() string {
	if dir := os.Getenv(EnvDir); dir != "" {
		return dir
	}
	return DefaultDir
}

// Usage is the help of Main.
const Usage = `usage: runbook lab COMMAND, or without one to start the lab until Ctrl-C

  lab [--dir DIR] [--rate N] [--with LIST]
                                  start the lab; with "all", or some of dns,
                                  postgres, ssh, ipfs, prometheus, mariadb:
                                  dns,ssh
  lab status [--json]             show versions, weights, faults, load, nodes,
                                  messages, pages, incidents
  lab deploy ENV VERSION          deploy a version to blue or green
  lab decommission ENV            take it away again
  lab slow ENV DURATION           add latency: slow green 300ms
  lab fail ENV PERCENT            fail requests: fail green 5%
  lab down ENV                    refuse connections
  lab heal ENV                    take all faults back
  lab down NODE                   kill a node: db-a, db-b, dns, resolver, web-1,
                                  prometheus, alertmanager, mariadb
  lab stop NODE                   stop it in an orderly way
  lab heal NODE                   start it again; a primary that was replaced
                                  comes back as a replica
  lab acknowledge PERSON          take on all pages, as somebody
  lab carry OP                    what the backend script of deploy runs: OP in
                                  $DEPLOY_ENV, with $DEPLOY_VERSION
  lab load ENV [--duration 5s] [--rate N] [--json]
                                  test one service, past the proxy
  lab rate N                      change the steady load: N requests a second,
                                  0 pauses it

Every command takes --dir; it is $` + EnvDir + ` or ` + DefaultDir + ` if left out.
`

// errUsage is a command line that makes no sense.
type errUsage struct{ text string }

func (e *errUsage) Error() string { return e.text }

// settings are the flags of all commands.
type settings struct {
	dir      string
	rate     int
	with     string
	duration string
	json     bool
}

// Main carries out the command line of the lab, without the words "runbook
// lab". It ends with ctx, and returns the exit code: 0, 1 for a failure, 2 for
// wrong usage.
func Main(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	err := execute(ctx, args, stdout)
	var usage *errUsage
	var exit *exitError
	switch {
	case err == nil:
		return 0
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprint(stdout, Usage)
		return 0
	case errors.As(err, &usage):
		fmt.Fprintf(stderr, "lab: %v\n\n%s", err, Usage)
		return 2
	}
	fmt.Fprintf(stderr, "lab: %v\n", err)
	if errors.As(err, &exit) {
		return exit.code
	}
	return 1
}

func execute(ctx context.Context, args []string, stdout io.Writer) error {
	var s settings
	words, err := s.parse(args)
	if err != nil {
		return err
	}
	if len(words) == 0 {
		o := Options{Dir: s.dir, Rate: s.rate}
		if s.with != "" {
			o.With = strings.Split(s.with, ",")
		}
		return Run(ctx, o, stdout)
	}
	verb, rest := words[0], words[1:]
	want, known := arity()[verb]
	switch {
	case !known:
		hint := effect.DidYouMean(verb, Verbs())
		if hint == "" {
			hint = "known: " + strings.Join(Verbs(), ", ")
		}
		return &errUsage{fmt.Sprintf("unknown command %q: %s", verb, hint)}
	case len(rest) != want:
		return &errUsage{fmt.Sprintf("%s wants %d arguments, got %d", verb, want, len(rest))}
	}
	c, err := Connect(s.dir)
	if err != nil {
		return err
	}
	return s.ask(ctx, c, verb, rest, stdout)
}

// Verbs returns the commands of a running lab.
func Verbs() []string {
	return []string{"status", "deploy", "decommission", "slow", "fail", "down", "stop", "heal", "acknowledge", "carry", "load", "rate"}
}

// arity says how many arguments each takes.
func arity() map[string]int {
	return map[string]int{"status": 0, "deploy": 2, "decommission": 1, "slow": 2, "fail": 2, "down": 1, "stop": 1, "heal": 1,
		"acknowledge": 1, "carry": 1, "load": 1, "rate": 1}
}

// parse reads flags, which may stand before, between and behind the words.
func (s *settings) parse(args []string) (words []string, err error) {
	flags := flag.NewFlagSet("lab", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.StringVar(&s.dir, "dir", defaultDir(), "")
	flags.IntVar(&s.rate, "rate", 0, "")
	flags.StringVar(&s.with, "with", "", "")
	flags.StringVar(&s.duration, "duration", "", "")
	flags.BoolVar(&s.json, "json", false, "")
	for {
		if err := flags.Parse(args); err != nil {
			if errors.Is(err, flag.ErrHelp) {
				return nil, err
			}
			return nil, &errUsage{err.Error()}
		}
		args = flags.Args()
		if len(args) == 0 {
			return words, nil
		}
		words, args = append(words, args[0]), args[1:]
	}
}

// ask carries one command out on a running lab.
func (s *settings) ask(ctx context.Context, c *Control, verb string, args []string, stdout io.Writer) error {
	if named := []string{"down", "heal", "stop"}; slices.Contains(named, verb) && !slices.Contains(environments(), args[0]) {
		return c.SetNode(ctx, args[0], verb)
	}
	switch verb {
	case "stop":
		return &errUsage{fmt.Sprintf("stop wants a node, and %s is an environment: write down %s, or decommission %s", args[0], args[0], args[0])}
	case "carry":
		return carry(ctx, c, args[0], stdout)
	case "acknowledge":
		return c.Acknowledge(ctx, args[0])
	case "deploy":
		return c.Deploy(ctx, args[0], args[1])
	case "decommission":
		return c.Decommission(ctx, args[0])
	case "slow":
		return c.Fault(ctx, args[0], Fault{Slow: args[1]})
	case "fail":
		return c.Fault(ctx, args[0], Fault{Fail: args[1]})
	case "down":
		return c.Fault(ctx, args[0], Fault{Down: true})
	case "heal":
		return c.Heal(ctx, args[0])
	case "rate":
		rate, err := strconv.Atoi(args[0])
		if err != nil {
			return &errUsage{fmt.Sprintf("rate wants a number of requests a second, got %q", args[0])}
		}
		return c.SetRate(ctx, rate)
	case "load":
		stats, err := c.LoadTest(ctx, LoadRequest{Env: args[0], Duration: s.duration, Rate: s.rate})
		if err != nil {
			return err
		}
		if s.json {
			return json.NewEncoder(stdout).Encode(stats)
		}
		fmt.Fprintln(stdout, stats)
		return nil
	}
	state, err := c.State(ctx)
	if err != nil {
		return err
	}
	if s.json {
		return json.NewEncoder(stdout).Encode(state)
	}
	return PrintState(stdout, state)
}

// Run starts a lab, says where it listens, and returns when it ends: with ctx.
func Run(ctx context.Context, o Options, stdout io.Writer) error {
	if o.Logf == nil {
		o.Logf = func(format string, args ...any) {
			fmt.Fprintf(stdout, "%s  %s\n", time.Now().Format(time.TimeOnly), fmt.Sprintf(format, args...))
		}
	}
	l, err := Start(ctx, o)
	if err != nil {
		return err
	}
	defer l.Close()
	rate, _ := l.load.current()
	if err := printStart(stdout, l.Info(), rate, len(o.With) > 0); err != nil {
		return err
	}
	<-l.Done()
	return nil
}
