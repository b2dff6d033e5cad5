package kubo

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// blocks reads all blocks of content and verifies them. Unless online, the
// node gives only what it holds itself. What it sends is copied to w too.
func (c *call) blocks(of cid, online bool, w io.Writer) (*walk, error) {
	const command = "dag/export"
	q := query("arg", of.String(), "progress", "false", "timeout", c.rest())
	if !online {
		q.Set("offline", "true")
	}
	a, err := c.post(c.ctx, command, q, nil, "")
	if err != nil {
		return nil, c.unreadable(of, nil, online, err)
	}
	defer a.Close()
	var got *walk
	car, err := newCAR(io.TeeReader(a, w))
	if err == nil {
		got, err = verify(car, []cid{of}, func(blocks, size uint64) {
			c.progress.line("%d blocks of %s verified, %s", blocks, of, bytesText(size))
		})
	}
	if err != nil {
		return nil, c.unreadable(of, got, online, err)
	}
	return got, nil
}

// unreadable explains why not all blocks of content could be read.
func (c *call) unreadable(of cid, got *walk, online bool, err error) error {
	var bad *badBlock
	var missing *missingBlock
	var told *said
	var lost *broken
	var own *effect.Error
	after := ""
	if got != nil {
		after = fmt.Sprintf("; %d good blocks came before", got.blocks)
	}
	switch {
	case errors.As(err, &own) || errors.As(err, &lost):
		return err
	case errors.As(err, &bad):
		return effect.Errorf(effect.CodeUnhealthy, "%s holds %s damaged: %v%s", c.node, of, bad, after).
			WithHint("the node does not fetch again what it believes to have: bring it back from a CAR file (ipfs.import); look after its disk")
	case errors.As(err, &missing):
		return effect.Errorf(effect.CodeUnhealthy, "%s sent %s without all its blocks: %v%s", c.node, of, missing, after).
			WithHint("bring it back with ipfs.restore")
	case errors.As(err, &told) && !timedOut(err):
		message := fmt.Sprintf("%s cannot read all blocks of %s: %s%s", c.node, of, c.oneLine(told.message), after)
		if online {
			message = fmt.Sprintf("%s could not get all blocks of %s: %s%s", c.node, of, c.oneLine(told.message), after)
		}
		return effect.Errorf(effect.CodeUnhealthy, "%s", message).WithHint("bring it back with ipfs.restore")
	case errors.As(err, &told):
		return err
	}
	return &rubbish{"dag/export", err}
}

// validate reads all blocks that the node holds.
func (c *call) validate() (map[string]any, error) {
	of, err := c.cid("cid")
	if err != nil {
		return nil, err
	}
	got, err := c.blocks(of, false, io.Discard)
	if err != nil {
		return nil, err
	}
	return map[string]any{"valid": true, "blocks": float64(got.blocks), "size": float64(got.size)}, nil
}

// export writes what the node holds into a file, which appears whole.
func (c *call) export() (map[string]any, error) {
	of, err := c.cid("cid")
	if err != nil {
		return nil, err
	}
	path := str(c.args["path"])
	f, err := os.CreateTemp(filepath.Dir(path), ".runbook-*.car")
	if err != nil {
		return nil, notWritten(path, err)
	}
	defer os.Remove(f.Name()) // unless it was renamed
	defer f.Close()
	sum := sha256.New()
	file := &fileWriter{f: f}
	got, err := c.blocks(of, false, io.MultiWriter(sum, file))
	if file.err != nil {
		return nil, notWritten(path, file.err)
	}
	if err != nil {
		return nil, err
	}
	err = errors.Join(f.Chmod(0o644), f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err == nil {
		err = syncDir(filepath.Dir(path))
	}
	if err != nil {
		return nil, notWritten(path, err)
	}
	return map[string]any{"path": path, "blocks": float64(got.blocks), "size": float64(file.size), "sha256": hex.EncodeToString(sum.Sum(nil))}, nil
}

// fileWriter keeps the error of a file apart from those of the node.
type fileWriter struct {
	f    *os.File
	size int64
	err  error
}

func (w *fileWriter) Write(p []byte) (int, error) {
	n, err := w.f.Write(p)
	w.size, w.err = w.size+int64(n), err
	return n, err
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// notWritten explains why a file could not be written. What stood there
// stands there still.
func notWritten(path string, err error) error {
	e := effect.Errorf(effect.CodeFailed, "%s could not be written: %v", path, err)
	if errors.Is(err, fs.ErrNotExist) {
		e.Code = effect.CodeNotFound
	}
	return e.WithHint("see that its directory is there, may be written to, and has room")
}

// notRead explains why a file could not be read.
func notRead(path string, err error) error {
	e := effect.Errorf(effect.CodeFailed, "%s cannot be read: %v; nothing was sent", path, err)
	if errors.Is(err, fs.ErrNotExist) {
		e.Code = effect.CodeNotFound
	}
	return e.WithHint("check path: it is one of the runner's machine")
}
