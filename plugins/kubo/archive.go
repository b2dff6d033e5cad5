package kubo

import (
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"os"
	"slices"
	"strings"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// bring is import: it sends a CAR file to the node.
func (c *call) bring() (map[string]any, error) {
	path := str(c.args["path"])
	f, err := os.Open(path)
	if err != nil {
		return nil, notRead(path, err)
	}
	defer f.Close()
	car, err := newCAR(f)
	if err != nil {
		return nil, effect.Errorf(effect.CodeFailed, "%s is no CAR file: %v; nothing was sent", path, err).WithHint("check path, and how the file was made")
	}
	pin := c.args["pin"] != false
	if len(car.roots) == 0 && pin {
		return nil, effect.Errorf(effect.CodeFailed, "%s names no root, so that nothing would be pinned; nothing was sent", path).
			WithHint("say pin = false, and pin what is in it by its CID")
	}
	whole, err := c.archived(path, car)
	if err != nil {
		return nil, err
	}
	// Kubo pins roots anew, which takes old pins away for a while, and their
	// names for good; and of a root that is not whole it looks for the rest until
	// its time is over. In both cases pins are made one by one.
	fresh := pin && whole
	for _, root := range car.roots {
		if !fresh {
			break
		}
		there, err := c.list(c.ctx, "recursive", root.String())
		if err != nil {
			return nil, err
		}
		fresh = len(there) == 0
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return nil, notRead(path, err)
	}
	blocks, err := c.imported(path, f, car.roots, fresh)
	if err != nil {
		return nil, err
	}
	roots := []any{}
	for _, root := range car.roots {
		if pin && !whole {
			if _, err := c.blocks(root, false, io.Discard); err != nil {
				return nil, c.notWhole(path, root, err)
			}
		}
		if pin && !fresh {
			if err := c.keepNew(root); err != nil {
				return nil, err
			}
		}
		roots = append(roots, root.String())
	}
	return map[string]any{"roots": roots, "blocks": float64(blocks)}, nil
}

// archived reads the file before it is sent, and reports whether it holds its
// roots whole.
func (c *call) archived(path string, car *carReader) (whole bool, err error) {
	_, err = verify(car, car.roots, func(blocks, size uint64) {
		c.progress.line("%d blocks of %s verified, %s", blocks, path, bytesText(size))
	})
	var missing *missingBlock
	if errors.As(err, &missing) {
		return false, nil
	}
	if err != nil {
		return false, effect.Errorf(effect.CodeFailed, "%s cannot be imported: %v; nothing was sent", path, err).
			WithHint("the file is damaged: compare its sha256 with what ipfs.export returned, and take another copy")
	}
	return true, nil
}

// notWhole says of a file without all blocks that the node has not the others
// either.
func (c *call) notWhole(path string, root cid, err error) error {
	e := c.explain(err)
	e.Message = fmt.Sprintf("%s does not hold all of %s, and its blocks were taken without pinning it: %s", path, root, e.Message)
	return e.WithHint("ipfs.pin it where other nodes have the rest, or import with pin = false")
}

// imported sends the file and returns how many blocks the node took. With pin,
// the node has pinned all roots.
func (c *call) imported(path string, f *os.File, roots []cid, pin bool) (blocks uint64, err error) {
	const command = "dag/import"
	up := &upload{name: "file.car"}
	r, w := io.Pipe()
	defer r.Close()
	form := multipart.NewWriter(w)
	go func() {
		part, err := create(form, up.name, "application/octet-stream")
		if err == nil {
			_, err = io.Copy(part, &watched{f, up})
		}
		if err == nil {
			err = form.Close()
		}
		_ = w.CloseWithError(err)
	}()
	a, err := c.post(c.ctx, command, query("pin-roots", fmt.Sprint(pin), "stats", "true", "timeout", c.rest()), r, form.FormDataContentType())
	var unpinned []string
	ended, pinned := false, 0
	if err == nil {
		err = each(a, func(line struct {
			Root *struct {
				Cid struct {
					Path string `json:"/"`
				}
				PinErrorMsg string
			}
			Stats *struct{ BlockCount uint64 }
		}) error {
			if line.Root != nil && line.Root.PinErrorMsg != "" {
				unpinned = append(unpinned, line.Root.Cid.Path+": "+c.oneLine(line.Root.PinErrorMsg))
			} else if line.Root != nil {
				pinned++
			}
			if line.Stats != nil {
				ended, blocks = true, line.Stats.BlockCount
			}
			return nil
		})
	}
	var told *said
	switch {
	case up.err() != nil:
		return 0, effect.Errorf(effect.CodeFailed, "%s could not be read to its end: %v; nothing was pinned", path, up.err()).WithHint("see to the disk that it lies on")
	case errors.As(err, &told) && !timedOut(err):
		return 0, effect.Errorf(effect.CodeFailed, "%s could not import %s: %s; nothing was pinned", c.node, path, c.oneLine(told.message)).
			WithHint("the file may be damaged: compare its sha256 with what ipfs.export returned")
	case err != nil:
		return 0, err
	case len(unpinned) > 0:
		return 0, effect.Errorf(effect.CodeUnhealthy, "%s took the blocks of %s and could not pin %s", c.node, path, strings.Join(unpinned, "; ")).
			WithHint("the file does not hold all of it: pin it where other nodes have the rest, or import with pin = false")
	case !ended || pin && pinned != distinct(roots):
		return 0, &broken{command, true, io.ErrUnexpectedEOF}
	}
	return blocks, nil
}

// distinct returns how many different CIDs there are.
func distinct(list []cid) int {
	texts := make([]string, len(list))
	for i, c := range list {
		texts[i] = c.String()
	}
	slices.Sort(texts)
	return len(slices.Compact(texts))
}
