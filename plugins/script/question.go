package script

import (
	"context"
	"encoding/json"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/redact"
	"github.com/q-ecosystem/runbook/plugins"
	"github.com/q-ecosystem/runbook/plugins/internal/program"
	"github.com/q-ecosystem/runbook/plugins/internal/remote"
)

// prefix begins the variables in which a program finds the request.
const prefix = "DEPLOY_"

// question is a request as a program finds it on its standard input. What is
// not asked for is left out.
type question struct {
	Op        string            `json:"op"`
	Env       string            `json:"env,omitempty"`
	Region    string            `json:"region,omitempty"`
	Version   string            `json:"version,omitempty"`
	Set       map[string]string `json:"set,omitempty"`
	Instances *float64          `json:"instances,omitempty"` // how many are to run
	Name      string            `json:"name,omitempty"`      // of a job
	Class     string            `json:"class,omitempty"`     // what the job may do
	Node      string            `json:"node,omitempty"`
	Lossy     bool              `json:"lossy,omitempty"`
	Key       string            `json:"key"` // the same for every attempt at this effect
	Run       string            `json:"run"`
	Attempt   int               `json:"attempt"`  // 1 for the first
	Deadline  string            `json:"deadline"` // RFC 3339: when the program is stopped
}

// call is one op at one place.
type call struct {
	b       *Backend
	op      effect.Op
	req     plugins.Request
	env     string
	region  string
	version string // that is wanted; "" if the op takes none
	set     map[string]string
	wanted  *float64     // instances; nil if the op takes none
	job     string       // its name; "" if the op is about none
	node    string       // likewise
	host    *remote.Host // where its program runs; nil for here
}

func newCall(b *Backend, op effect.Op, req plugins.Request) (*call, *effect.Error) {
	text := func(name, otherwise string) string {
		if s, ok := req.Args[name].(string); ok {
			return s
		}
		return otherwise
	}
	c := &call{b: b, op: op, req: req, env: text("env", b.settings.environment), region: text("region", b.settings.region),
		version: text("version", ""), set: program.StringMap(req.Args["set"]), job: text("name", ""), node: text("node", "")}
	if n, ok := req.Args["instances"].(float64); ok {
		c.wanted = &n
	}
	switch op.Name {
	case "regions":
		c.region = ""
	case "nodes", "cordon", "uncordon", "drain":
		c.env = ""
	}
	if strings.ContainsRune(c.env+c.region+c.version+c.job+c.node, 0) {
		return nil, effect.Errorf(effect.CodeInvalid, "a NUL byte stands in an argument of deploy.%s, which no program can be given; nothing ran", op.Name)
	}
	return c, nil
}

// writes reports whether the op may change something.
func (c *call) writes() bool { return c.op.ClassFor(c.req.Args).Writes() }

// place names where the call acts, for people, behind a word: " for environment
// green on web-1 (10.0.0.11:22)".
func (c *call) place(word string) string {
	var parts []string
	if c.env != "" {
		parts = append(parts, "environment "+c.env)
	}
	if c.region != "" {
		parts = append(parts, "region "+c.region)
	}
	if c.node != "" {
		parts = append([]string{"node " + c.node}, parts...)
	}
	if c.job != "" {
		parts = append([]string{"job " + c.job}, parts...)
	}
	text := ""
	if len(parts) > 0 {
		text = " " + word + " " + strings.Join(parts, " of ")
	}
	if c.host != nil {
		text += " on " + c.host.String()
	}
	return text
}

// limit returns how long the call's program may run: as the call says, or for
// reads until shortly before the call's own time is up, so that the end can
// still be told.
func (c *call) limit(ctx context.Context) time.Duration {
	seconds, ok := c.req.Args["timeout"].(float64)
	if !ok || !c.writes() && c.job == "" {
		return readLimit(ctx)
	}
	limit := effect.Seconds(seconds)
	if deadline, bounded := ctx.Deadline(); bounded && c.host != nil { // which may have had to wait for its turn
		limit = min(limit, max(time.Until(deadline)-c.b.settings.grace-hostMargin, time.Second))
	}
	return limit
}

// hostMargin is kept free before the call's own deadline, to hear from a host
// how its program ended.
const hostMargin = 1500 * time.Millisecond

func readLimit(ctx context.Context) time.Duration {
	const margin = 3 * time.Second
	limit := effect.DefaultTimeout - margin
	if deadline, ok := ctx.Deadline(); ok {
		limit = min(limit, max(time.Until(deadline)-margin, time.Second))
	}
	return limit
}

// program returns the program of an op, with the request in it. The op is that
// of the call, or status to read it back.
func (c *call) program(op string, limit time.Duration) (*program.Program, *effect.Error) {
	s := c.b.settings
	path, e := s.find(op)
	if e != nil {
		return nil, e
	}
	q := question{Op: op, Env: c.env, Region: c.region, Key: c.req.Key, Run: c.req.Run, Attempt: max(c.req.Attempt, 1),
		Deadline: time.Now().Add(limit).UTC().Format(time.RFC3339)}
	if op == c.op.Name {
		q.Version, q.Set, q.Instances, q.Node = c.version, c.set, c.wanted, c.node
		q.Lossy, _ = c.req.Args["lossy"].(bool)
	}
	instances := ""
	if q.Instances != nil {
		instances = strconv.FormatFloat(*q.Instances, 'f', -1, 64)
	}
	lossy := ""
	if q.Lossy {
		lossy = "true"
	}
	if c.job != "" {
		q.Name, q.Class = c.job, string(c.op.ClassFor(c.req.Args))
	}
	stdin, err := json.Marshal(q)
	if err != nil {
		return nil, effect.Errorf(effect.CodeInvalid, "deploy.%s cannot be told to a program: %v; nothing ran", op, err)
	}
	p := &program.Program{Path: path, Argv: []string{s.programs[op], op}, Dir: s.dir, Stdin: string(stdin) + "\n", Timeout: limit, Grace: s.grace,
		Vars: maps.Clone(s.vars.Base)}
	if p.Dir == "" && filepath.IsAbs(path) {
		p.Dir = filepath.Dir(path)
	}
	if c.host == nil {
		if err := program.CheckDir(p.Dir); err != nil {
			return nil, effect.AsError(err)
		}
	}
	maps.Copy(p.Vars, s.vars.Secrets)
	maps.Copy(p.Vars, program.Own(q.Key, q.Run, q.Attempt))
	for name, value := range map[string]string{"ENV": q.Env, "REGION": q.Region, "VERSION": q.Version, "DEADLINE": q.Deadline,
		"INSTANCES": instances, "NAME": q.Name, "NODE": q.Node, "LOSSY": lossy} {
		p.Vars[prefix+name] = value // always set: many a script ends at one that is not
	}
	var secrets []effect.Secret
	for _, name := range slices.Sorted(maps.Keys(s.vars.Secrets)) {
		secrets = append(secrets, effect.NewSecret(name, s.vars.Secrets[name]))
	}
	p.Scrub = redact.New(secrets...)
	return p, nil
}
