package kubo

import (
	"crypto/sha256"
	"fmt"
	"io"
)

// walk verifies a stream of blocks: the hash of each, and that whatever one
// links to has come too. It keeps one block, 16 bytes for each that it saw,
// and the CIDs of links whose block has not come yet.
type walk struct {
	blocks, size uint64
	seen         map[[16]byte]struct{}
	wanted       map[string]cid // by hash
}

// badBlock is a block that is not what its CID says.
type badBlock struct {
	cid cid
	why string
}

func (e *badBlock) Error() string { return fmt.Sprintf("the block %s is damaged: %s", e.cid, e.why) }

// missingBlock is a block that something links to, and that did not come.
type missingBlock struct {
	cid  cid
	many int
}

func (e *missingBlock) Error() string {
	if e.many == 1 {
		return fmt.Sprintf("the block %s is missing", e.cid)
	}
	return fmt.Sprintf("%d blocks are missing, the block %s among them", e.many, e.cid)
}

// verify reads a CAR to its end; it has to hold the roots and all below them. The
// walk says how far it came also if there is an error.
func verify(car *carReader, roots []cid, progress func(blocks, size uint64)) (*walk, error) {
	w := &walk{seen: map[[16]byte]struct{}{}, wanted: map[string]cid{}}
	for _, root := range roots {
		if err := w.want(root); err != nil {
			return w, err
		}
	}
	for {
		c, data, err := car.next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return w, err
		}
		if err := w.block(c, data); err != nil {
			return w, err
		}
		progress(w.blocks, w.size)
	}
	for _, c := range w.wanted {
		return w, &missingBlock{c, len(w.wanted)}
	}
	return w, nil
}

// block takes one block.
func (w *walk) block(c cid, data []byte) error {
	ok, err := c.hash.of(data)
	if err != nil {
		return &badBlock{c, err.Error()}
	}
	if !ok {
		return &badBlock{c, "its hash is another"}
	}
	key := c.hash.key()
	delete(w.wanted, string(c.hash.bytes()))
	if _, again := w.seen[key]; again {
		return nil
	}
	w.seen[key] = struct{}{}
	w.blocks++
	w.size += uint64(len(data))
	return w.below(c, data)
}

// below notes what a block links to.
func (w *walk) below(c cid, data []byte) error {
	var deeper error
	err := links(c.codec, data, func(to cid) {
		if deeper == nil {
			deeper = w.want(to)
		}
	})
	if err != nil {
		return &badBlock{c, err.Error()}
	}
	return deeper
}

// want notes that a block has to come. What stands in the CID itself need not.
func (w *walk) want(c cid) error {
	if c.hash.code == hashIdentity {
		return w.below(c, []byte(c.hash.digest))
	}
	if _, came := w.seen[c.hash.key()]; !came {
		w.wanted[string(c.hash.bytes())] = c
	}
	return nil
}

// key returns a name for the hash that takes little memory.
func (h multihash) key() (key [16]byte) {
	sum := sha256.Sum256(h.bytes())
	copy(key[:], sum[:])
	return key
}
