package lab

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// NotRunningError says that there is no lab to talk to.
type NotRunningError struct{ Dir string }

// Error tells how to start one.
func (e *NotRunningError) Error() string {
	return fmt.Sprintf("no lab is running in %s: start one with `runbook lab`", e.Dir)
}

// Control drives a lab that runs in another process.
type Control struct {
	info   Info
	client *http.Client
}

// Connect finds the lab that runs in a directory. The error is a
// *NotRunningError if there is none.
func Connect(dir string) (*Control, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("connect to lab: %w", err)
	}
	info, err := readInfo(abs)
	if errors.Is(err, os.ErrNotExist) {
		return nil, &NotRunningError{abs}
	}
	if err != nil {
		return nil, fmt.Errorf("connect to lab: %w", err)
	}
	c := &Control{info: info, client: &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	state, err := c.State(ctx)
	if errors.Is(err, syscall.ECONNREFUSED) || err == nil && state.PID != info.PID {
		return nil, &NotRunningError{abs} // lab.json is of a lab that was killed
	}
	if err != nil {
		return nil, err
	}
	return c, nil
}

// Info says where the lab listens.
func (c *Control) Info() Info { return c.info }

// State returns the lab's state.
func (c *Control) State(ctx context.Context) (State, error) {
	var s State
	err := c.call(ctx, http.MethodGet, "/state", nil, &s)
	return s, err
}

// Deploy is [Lab.Deploy].
func (c *Control) Deploy(ctx context.Context, env, version string) error {
	return c.call(ctx, http.MethodPost, "/deploy", deployRequest{env, version}, nil)
}

// Fault is [Lab.SetFault].
func (c *Control) Fault(ctx context.Context, env string, f Fault) error {
	return c.call(ctx, http.MethodPost, "/fault", faultRequest{env, f}, nil)
}

// Heal takes all faults of an environment back.
func (c *Control) Heal(ctx context.Context, env string) error {
	return c.Fault(ctx, env, Fault{Clear: true})
}

// LoadTest is [Lab.LoadTest].
func (c *Control) LoadTest(ctx context.Context, r LoadRequest) (Stats, error) {
	var s Stats
	err := c.call(ctx, http.MethodPost, "/load", r, &s)
	return s, err
}

// Decommission is [Lab.Decommission].
func (c *Control) Decommission(ctx context.Context, env string) error {
	return c.call(ctx, http.MethodPost, "/decommission", envRequest{env}, nil)
}

// SetRate is [Lab.SetRate].
func (c *Control) SetRate(ctx context.Context, rate int) error {
	return c.call(ctx, http.MethodPost, "/rate", rateRequest{rate}, nil)
}

// SetNode is [Lab.SetNode].
func (c *Control) SetNode(ctx context.Context, node, verb string) error {
	return c.call(ctx, http.MethodPost, "/node", nodeRequest{node, verb}, nil)
}

// Acknowledge is [Lab.Acknowledge].
func (c *Control) Acknowledge(ctx context.Context, person string) error {
	return c.call(ctx, http.MethodPost, "/acknowledge", acknowledgeRequest{person}, nil)
}

// Carry is [Lab.Carry].
func (c *Control) Carry(ctx context.Context, op, env, version, key string) (Deployment, error) {
	var d Deployment
	err := c.call(ctx, http.MethodPost, "/carry", carryRequest{op, env, version, key}, &d)
	return d, err
}

func (c *Control) call(ctx context.Context, method, path string, in, out any) error {
	var body io.Reader
	if in != nil {
		data, err := json.Marshal(in)
		if err != nil {
			return fmt.Errorf("ask the lab %s: %w", path, err)
		}
		body = bytes.NewReader(data)
	}
	req, err := http.NewRequestWithContext(ctx, method, c.info.Control+path, body)
	if err != nil {
		return fmt.Errorf("ask the lab %s: %w", path, err)
	}
	resp, err := c.client.Do(req)
	if err != nil {
		return fmt.Errorf("ask the lab %s: %w", path, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode >= 400 {
		var f failure
		if err := json.NewDecoder(resp.Body).Decode(&f); err != nil || f.Error == "" {
			return fmt.Errorf("ask the lab %s: status %s", path, resp.Status)
		}
		return &problem{resp.StatusCode, f.Error}
	}
	if out == nil {
		return nil
	}
	if err := json.NewDecoder(resp.Body).Decode(out); err != nil {
		return fmt.Errorf("ask the lab %s: read the answer: %w", path, err)
	}
	return nil
}
