package kubo

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

const (
	headerLimit = 1 << 20  // of the header of a CAR, in bytes
	blockLimit  = 16 << 20 // of a block in a CAR; Kubo takes 2 MiB
)

// carPragma is what a CAR of version 2 begins with.
var carPragma = []byte{0x0a, 0xa1, 0x67, 'v', 'e', 'r', 's', 'i', 'o', 'n', 0x02}

// carReader reads the blocks of a CAR one after another.
type carReader struct {
	r     *bufio.Reader
	roots []cid
	buf   []byte
}

// newCAR reads the header of a CAR of version 1, or of the one within a CAR of
// version 2.
func newCAR(r io.Reader) (*carReader, error) {
	c := &carReader{r: bufio.NewReaderSize(r, 64<<10)}
	if head, err := c.r.Peek(len(carPragma)); err == nil && bytes.Equal(head, carPragma) {
		if err := c.toPayload(); err != nil {
			return nil, err
		}
	}
	header, err := c.section(headerLimit)
	if err == io.EOF {
		err = errors.New("it is empty")
	}
	if err != nil {
		return nil, err
	}
	rest, err := cborLinks(header, 0, func(root cid) { c.roots = append(c.roots, root) })
	if err != nil || len(rest) > 0 {
		return nil, errors.New("it does not begin as a CAR does")
	}
	return c, nil
}

// toPayload skips to the CAR of version 1 within one of version 2, and ends
// there where it ends.
func (c *carReader) toPayload() error {
	head := make([]byte, len(carPragma)+40)
	if _, err := io.ReadFull(c.r, head); err != nil {
		return errors.New("it is cut off")
	}
	offset, size := binary.LittleEndian.Uint64(head[len(carPragma)+16:]), binary.LittleEndian.Uint64(head[len(carPragma)+24:])
	if offset < uint64(len(head)) || offset > 1<<40 || size > 1<<62 {
		return errors.New("it does not begin as a CAR does")
	}
	if _, err := io.CopyN(io.Discard, c.r, int64(offset)-int64(len(head))); err != nil {
		return errors.New("it is cut off")
	}
	c.r = bufio.NewReaderSize(io.LimitReader(c.r, int64(size)), 64<<10)
	return nil
}

// next returns the next block; its data counts until the next call. io.EOF
// says that there are no more.
func (c *carReader) next() (cid, []byte, error) {
	data, err := c.section(blockLimit + cidLimit)
	if err != nil {
		return cid{}, nil, err
	}
	name, n, err := readCID(data)
	if err != nil {
		return cid{}, nil, fmt.Errorf("a block in it has no CID: %w", err)
	}
	return name, data[n:], nil
}

// section reads what stands behind its length.
func (c *carReader) section(limit uint64) ([]byte, error) {
	if _, err := c.r.Peek(1); err != nil {
		return nil, err
	}
	n, err := binary.ReadUvarint(c.r)
	if err != nil {
		return nil, cutOff(err)
	}
	if n > limit {
		return nil, fmt.Errorf("a section of it has %d bytes, more than %d", n, limit)
	}
	if uint64(cap(c.buf)) < n {
		c.buf = make([]byte, n)
	}
	c.buf = c.buf[:n]
	if _, err := io.ReadFull(c.r, c.buf); err != nil {
		return nil, cutOff(err)
	}
	return c.buf, nil
}

// cutOff is the error of a CAR that ends within a section.
func cutOff(err error) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return errors.New("it is cut off within a block")
	}
	return err
}
