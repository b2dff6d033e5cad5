package kubo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// connectTimeout bounds how long a node may take to connect to another.
const connectTimeout = 15 * time.Second

// pin lets the node fetch content and keep it.
func (c *call) pin() (map[string]any, error) {
	of, err := c.cid("cid")
	if err != nil {
		return nil, err
	}
	name := str(c.args["name"])
	there, err := c.list(c.ctx, "recursive", of.String())
	if err != nil {
		return nil, err
	}
	var apart []string
	list, _ := c.args["from"].([]any)
	for _, v := range list {
		if err := c.meet(str(v)); err != nil {
			if c.ctx.Err() != nil {
				return nil, err
			}
			apart = append(apart, str(v)+": "+c.oneLine(err.Error()))
			c.progress.show("not connected to " + apart[len(apart)-1])
		}
	}
	if len(there) > 0 {
		// Reading it fetches what was lost. The pin itself stays: Kubo takes an
		// old one away before it knows whether all can be had.
		if _, err := c.blocks(of, true, io.Discard); err != nil {
			return nil, c.notGiven(of, apart, err)
		}
	}
	if len(there) == 0 || name != "" && there[0].Name != name {
		if err := c.keep(of, name); err != nil {
			return nil, c.notGiven(of, apart, err)
		}
	}
	return map[string]any{"cid": str(c.args["cid"]), "type": "recursive"}, nil
}

// meet lets the node connect to another.
func (c *call) meet(address string) error {
	ctx, cancel := context.WithTimeout(c.ctx, connectTimeout)
	defer cancel()
	_, err := once[struct{ Strings []string }](ctx, c, "swarm/connect", query("arg", address, "timeout", (connectTimeout*9/10).String()))
	return err
}

// notGiven says of a node that did not get all of some content who did not
// help.
func (c *call) notGiven(of cid, apart []string, err error) error {
	e := c.explain(err)
	if timedOut(err) {
		e = effect.Errorf(effect.CodeTimeout, "nobody gave %s to %s within %s", of, c.node, effect.FormatDuration(c.limit)).
			WithHint("ask ipfs.providers who has it, name nodes in from, or import it from a CAR file")
	}
	if len(apart) > 0 {
		e.Message += "; of the nodes to fetch it from, some could not be connected to: " + strings.Join(apart, "; ")
	}
	return e
}

// keep pins content that is not pinned yet, or whose blocks are all there, and
// looks whether it is pinned then.
func (c *call) keep(of cid, name string) error {
	q := query("arg", of.String(), "recursive", "true", "progress", "true", "timeout", c.rest())
	if name != "" {
		q.Set("name", name)
	}
	a, err := c.post(c.ctx, "pin/add", q, nil, "")
	if err != nil {
		return err
	}
	done := false
	err = each(a, func(line struct {
		Pins     []string
		Progress int
		Bytes    uint64
	}) error {
		done = done || len(line.Pins) > 0
		if line.Progress > 0 {
			c.progress.line("%d blocks of %s are there, %s", line.Progress, of, bytesText(line.Bytes))
		}
		return nil
	})
	if err == nil && !done {
		err = &broken{"pin/add", true, io.ErrUnexpectedEOF}
	}
	if err != nil {
		return err
	}
	return c.kept(of)
}

// kept looks whether content is pinned, as the node has said.
func (c *call) kept(of cid) error {
	there, err := c.list(c.ctx, "recursive", of.String())
	if err == nil && len(there) == 0 {
		err = effect.Errorf(effect.CodeFailed, "%s said that it pinned %s, and does not list it", c.node, of).
			WithHint("somebody else may have unpinned it meanwhile; see the node's log")
	}
	return err
}

// unpin lets the node drop content. It is gone with its next collection of
// garbage.
func (c *call) unpin() (map[string]any, error) {
	of, err := c.cid("cid")
	if err != nil {
		return nil, err
	}
	was, err := c.dropped(of)
	if err != nil {
		return nil, err
	}
	return map[string]any{"cid": str(c.args["cid"]), "was_pinned": was}, nil
}

// dropped takes the pin of content away, and reports whether there was one.
func (c *call) dropped(of cid) (was bool, err error) {
	for _, kind := range []string{"recursive", "direct"} {
		there, err := c.list(c.ctx, kind, of.String())
		if err != nil {
			return false, err
		}
		was = was || len(there) > 0
	}
	if !was {
		return false, nil
	}
	_, err = once[struct{ Pins []string }](c.ctx, c, "pin/rm", query("arg", of.String(), "recursive", "true", "timeout", c.rest()))
	var told *said
	if err != nil && !errors.As(err, &told) {
		return false, err
	}
	left, again := c.list(c.ctx, "recursive", of.String()) // somebody else may have been faster
	switch {
	case again != nil:
		return false, again
	case len(left) > 0 && err == nil:
		err = fmt.Errorf("%s said that it unpinned %s, and still lists it", c.node, of)
		return false, effect.Errorf(effect.CodeFailed, "%v", err).WithHint("somebody else may have pinned it meanwhile; see the node's log")
	case len(left) > 0:
		return false, err
	}
	return true, nil
}
