package lab

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"

	"github.com/q-ecosystem/runbook/examples/lab/systems"
)

// deployProgram is what the backend script of deploy runs: it asks the lab.
const deployProgram = "deploy.sh"

// Released is a version that was brought to an environment, which may serve
// another one until it is activated.
type Released struct {
	Version  string `json:"version,omitempty"`
	Previous string `json:"previous,omitempty"` // the version before
	Key      string `json:"key,omitempty"`      // of the effect that brought it
}

// releases are the versions that wait in the environments.
type releases struct {
	mu sync.Mutex
	by map[string]Released
}

// Deployment is where an environment stands, as the backend script reads it.
type Deployment struct {
	State    string `json:"state"`
	Version  string `json:"version,omitempty"`
	Serving  string `json:"serving,omitempty"`
	Previous string `json:"previous,omitempty"`
	Pending  string `json:"pending,omitempty"`
	Key      string `json:"key,omitempty"`
}

// deployment returns where an environment stands.
func (l *Lab) deployment(s *service) Deployment {
	l.released.mu.Lock()
	defer l.released.mu.Unlock()
	now, r := s.state(), l.released.by[s.name]
	d := Deployment{Version: cmp.Or(r.Version, now.Version), Serving: now.Version, Previous: r.Previous, Pending: now.Incoming, Key: r.Key}
	switch {
	case d.Version == "":
		d.State = "absent"
	case d.Version == d.Serving:
		d.State = "active"
	default:
		d.State = "released"
	}
	return d
}

// Carry carries an op of deploy out in an environment, and tells where that
// stands then.
func (l *Lab) Carry(ctx context.Context, op, env, version, key string) (Deployment, error) {
	s, err := l.service(op, env)
	if err != nil {
		return Deployment{}, err
	}
	before := l.deployment(s)
	switch op {
	case "status":
	case "release":
		if !validVersion(version) {
			return Deployment{}, badRequest("release %q to %s: that is not a version: write v1.1.0", version, env)
		}
		r := Released{Version: version, Previous: before.Previous, Key: key}
		if before.Version != version {
			r.Previous = before.Version
		}
		l.release(env, r)
		l.logf("%s is released to %s", version, env)
	case "activate":
		if before.Version == "" {
			return Deployment{}, conflict("activate %s: nothing is released there", env)
		}
		if before.State != "active" {
			err = l.Deploy(ctx, env, before.Version)
		}
	case "decommission":
		err = l.Decommission(env)
	default:
		err = notFound("%s: the lab does not know this op of deploy", op)
	}
	return l.deployment(s), err
}

// served says that a version serves now, none if it is empty, whoever saw to it.
func (l *Lab) served(env, version string) {
	l.released.mu.Lock()
	r := l.released.by[env]
	l.released.mu.Unlock()
	if r.Version != version {
		l.release(env, Released{Version: version, Previous: r.Version})
	}
}

func (l *Lab) release(env string, r Released) {
	l.released.mu.Lock()
	defer l.released.mu.Unlock()
	if l.released.by == nil {
		l.released.by = map[string]Released{}
	}
	l.released.by[env] = r
}

// deployEntry writes the program of the backend script, and returns the entry
// that leads to it.
func (l *Lab) deployEntry() (systems.Entry, error) {
	text := fmt.Sprintf("#!/bin/sh\n# Written by runbook lab: carries the ops of deploy out.\nexec %s lab carry \"$1\" --dir %s\n",
		shellWord(thisProgram()), shellWord(l.info.Dir))
	path := l.claim.path(systemsDir, deployProgram)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return systems.Entry{}, fmt.Errorf("start lab: %w", err)
	}
	if err := os.WriteFile(path, []byte(text), 0o700); err != nil {
		return systems.Entry{}, fmt.Errorf("start lab: %w", err)
	}
	return systems.Entry{Module: "deploy", Backend: "script", Settings: map[string]any{"program": path, "environment": "green"}}, nil
}

// exitUnknownOp is what a program of the backend script ends with if it does not
// know an op.
const exitUnknownOp = 64

// carry is the program of the backend script: what is asked for stands in the
// environment, the answer is JSON.
func carry(ctx context.Context, c *Control, op string, stdout io.Writer) error {
	if op == "regions" {
		return &exitError{exitUnknownOp, errors.New("the lab has no regions")}
	}
	d, err := c.Carry(ctx, op, os.Getenv("DEPLOY_ENV"), os.Getenv("DEPLOY_VERSION"), os.Getenv("RUNBOOK_KEY"))
	if err != nil {
		code := "refused"
		var p *problem
		if errors.As(err, &p) {
			code = p.code()
		}
		if err := json.NewEncoder(stdout).Encode(map[string]string{"error": code, "message": err.Error()}); err != nil {
			return fmt.Errorf("answer: %w", err)
		}
		return &exitError{1, err}
	}
	if err := json.NewEncoder(stdout).Encode(d); err != nil {
		return fmt.Errorf("answer: %w", err)
	}
	return nil
}

// exitError is an error with the exit code that tells it.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string { return e.err.Error() }
func (e *exitError) Unwrap() error { return e.err }
