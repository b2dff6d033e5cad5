package kubo

import (
	"encoding/binary"
	"errors"
)

// nesting bounds how deep a block of CBOR may be nested.
const nesting = 256

var errMalformed = errors.New("it cannot be read as what its CID says it is")

// links calls each for every link of a block. Of blocks in other codecs
// than UnixFS's and DAG-CBOR's no links are known.
func links(codec uint64, data []byte, each func(cid)) error {
	switch codec {
	case codecDagPB:
		return pbLinks(data, each)
	case codecDagCBOR:
		rest, err := cborLinks(data, 0, each)
		if err == nil && len(rest) > 0 {
			err = errMalformed
		}
		return err
	}
	return nil
}

// pbLinks reads a PBNode: its field 2 are links, whose field 1 is the CID.
func pbLinks(data []byte, each func(cid)) error {
	return pbFields(data, func(field uint64, link []byte) error {
		if field != 2 {
			return nil
		}
		return pbFields(link, func(field uint64, hash []byte) error {
			if field != 1 {
				return nil
			}
			c, n, err := readCID(hash)
			if err != nil || n != len(hash) {
				return errMalformed
			}
			each(c)
			return nil
		})
	})
}

// pbFields calls each for the fields of a protocol buffer that have a length.
func pbFields(data []byte, each func(field uint64, value []byte) error) error {
	for len(data) > 0 {
		key, n := binary.Uvarint(data)
		if n <= 0 {
			return errMalformed
		}
		data = data[n:]
		v, n := binary.Uvarint(data)
		if n <= 0 || key&7 != 0 && key&7 != 2 {
			return errMalformed
		}
		data = data[n:]
		if key&7 == 0 { // a number
			continue
		}
		if v > uint64(len(data)) {
			return errMalformed
		}
		if err := each(key>>3, data[:v]); err != nil {
			return err
		}
		data = data[v:]
	}
	return nil
}

// cborLinks reads one value of DAG-CBOR and returns what stands behind it.
// A link is a CID as bytes, with a zero in front, under tag 42.
func cborLinks(data []byte, depth int, each func(cid)) ([]byte, error) {
	if len(data) == 0 || depth > nesting {
		return nil, errMalformed
	}
	major, info := data[0]>>5, data[0]&31
	data = data[1:]
	n := uint64(info)
	if info >= 24 {
		size := 1 << (info - 24)
		if info > 27 || len(data) < size { // DAG-CBOR has no indefinite lengths
			return nil, errMalformed
		}
		var wide [8]byte
		copy(wide[8-size:], data)
		n, data = binary.BigEndian.Uint64(wide[:]), data[size:]
	}
	switch major {
	case 2, 3: // bytes, text
		if n > uint64(len(data)) {
			return nil, errMalformed
		}
		return data[n:], nil
	case 4, 5: // a list, a map
		if n > uint64(len(data)) { // each takes a byte at least
			return nil, errMalformed
		}
		if major == 5 {
			n *= 2
		}
		var err error
		for range n {
			if data, err = cborLinks(data, depth+1, each); err != nil {
				return nil, err
			}
		}
		return data, nil
	case 6: // a tag
		rest, err := cborLinks(data, depth+1, each)
		if err != nil || n != 42 {
			return rest, err
		}
		value := data[:len(data)-len(rest)]
		for _, head := range []int{1, 2, 3, 5, 9} { // of the bytes, by their length
			if len(value) > head && value[0]>>5 == 2 && value[head] == 0 {
				if c, used, err := readCID(value[head+1:]); err == nil && used == len(value)-head-1 {
					each(c)
					return rest, nil
				}
			}
		}
		return nil, errMalformed
	}
	return data, nil // a number, true, false, null
}
