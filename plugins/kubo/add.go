package kubo

import (
	"errors"
	"io"
	"path/filepath"
	"strconv"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// add sends a file or directory to the node. How it is cut into blocks is said
// in full, so that the CID does not depend on the node's configuration.
func (c *call) add() (map[string]any, error) {
	path := str(c.args["path"])
	var want cid
	expected := str(c.args["cid"]) != ""
	if expected {
		var err error
		if want, err = c.cid("cid"); err != nil {
			return nil, err
		}
	}
	real, err := filepath.EvalSymlinks(path)
	if err == nil {
		real, err = filepath.Abs(real)
	}
	if err != nil {
		return nil, notRead(path, err)
	}
	up, err := newUpload(real)
	if err != nil {
		return nil, notRead(path, err)
	}
	got, size, err := c.send(up)
	if up.err() != nil { // the node saw only that it broke off
		return nil, effect.Errorf(effect.CodeFailed, "%s could not be read to its end: %v; nothing was pinned", path, up.err()).
			WithHint("see that nothing changes it while it is added")
	}
	if err != nil {
		return nil, err
	}
	if expected && string(got.bytes()) != string(want.bytes()) {
		return nil, effect.Errorf(effect.CodeConflict, "%s comes out as %s, expected was %s; nothing was pinned", path, got, want).
			WithHint("the content differs, or that CID was made with other settings: here it is version 1, raw leaves, blocks of 256 KiB")
	}
	if c.args["pin"] != false {
		if err := c.keepNew(got); err != nil {
			return nil, err
		}
	}
	return map[string]any{"cid": got.String(), "size": float64(size)}, nil
}

// keepNew pins what has just been added or imported, unless it is pinned
// already: so a pin keeps its name.
func (c *call) keepNew(of cid) error {
	there, err := c.list(c.ctx, "recursive", of.String())
	if err != nil || len(there) > 0 {
		return err
	}
	return c.keep(of, "")
}

// send adds what is uploaded, unpinned, and returns what it came out as and its
// size, as Kubo counts it: all blocks.
func (c *call) send(up *upload) (got cid, size uint64, err error) {
	const command = "add"
	q := query("cid-version", "1", "raw-leaves", "true", "hash", "sha2-256", "chunker", "size-262144", "trickle", "false",
		"max-file-links", "174", "max-hamt-fanout", "256", "inline", "false", "nocopy", "false", "wrap-with-directory", "false",
		"pin", "false", "progress", "true", "timeout", c.rest())
	body, kind := up.stream(c.ctx)
	defer body.Close()
	a, err := c.post(c.ctx, command, q, body, kind)
	if err != nil {
		return cid{}, 0, err
	}
	var last struct{ Name, Hash, Size string }
	err = each(a, func(line struct {
		Name, Hash, Size string
		Bytes            uint64
	}) error {
		if line.Hash == "" {
			c.progress.line("%s: %s", line.Name, bytesText(line.Bytes))
			return nil
		}
		last.Name, last.Hash, last.Size = line.Name, line.Hash, line.Size // what is added as a whole comes last
		return nil
	})
	if err != nil {
		return cid{}, 0, err
	}
	if last.Hash == "" || last.Name != up.name {
		return cid{}, 0, &broken{command, true, io.ErrUnexpectedEOF}
	}
	if got, err = parseCID(last.Hash); err == nil {
		size, err = strconv.ParseUint(last.Size, 10, 63)
	}
	if err != nil {
		return cid{}, 0, &rubbish{command, errors.New("it names neither CID nor size")}
	}
	return got, size, nil
}
