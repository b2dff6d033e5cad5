package journal

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

const keySize = 32

// key is what digests of secrets and of rows are made with. Without it (err is set)
// nothing can be written.
type key struct {
	secret []byte
	err    error
}

// check returns why there is no key. The zero key is none.
func (k key) check() error {
	if k.err != nil {
		return k.err
	}
	if len(k.secret) != keySize {
		return ErrKey
	}
	return nil
}

// mac is a keyed digest over fields, which purpose keeps apart from other uses
// of the key.
func (k key) mac(purpose string, fields ...any) []byte {
	h := hmac.New(sha256.New, k.secret)
	buf := appendField(nil, []byte(purpose))
	for _, f := range fields {
		switch f := f.(type) {
		case int64:
			buf = appendInt(buf, f)
		case string:
			buf = appendField(buf, []byte(f))
		case []byte:
			buf = appendField(buf, f)
		default:
			panic(fmt.Sprintf("journal: a %T cannot be digested", f)) // a fault of this package
		}
	}
	h.Write(buf)
	return h.Sum(nil)
}

// digest returns the keyed digest of a row as it is stored.
func (k key) digest(purpose string, fields ...any) string {
	return "v1:" + hex.EncodeToString(k.mac(purpose, fields...))
}

// appendField appends b with its length, so that no two lists of fields give
// the same bytes.
func appendField(buf, b []byte) []byte {
	return append(binary.BigEndian.AppendUint64(buf, uint64(len(b))), b...)
}

func appendInt(buf []byte, n int64) []byte {
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(buf, 8), uint64(n))
}

// Digest returns the keyed digest of a secret, "hmac-sha256:" and hex digits:
// equal secrets give equal digests in one journal, and nobody reads a secret
// from its digest. In a journal without its key (see Keyed) the digest
// equals no other.
func (d *DB) Digest(s effect.Secret) string {
	if d.key.check() != nil {
		var none [sha256.Size]byte
		_, _ = rand.Read(none[:])
		return "hmac-sha256:" + hex.EncodeToString(none[:])
	}
	return "hmac-sha256:" + hex.EncodeToString(d.key.mac("secret", s.Reveal()))
}

// Keyed returns nil, or why the key is missing: an *Error with ErrKey.
// Without the key the journal can be read and not written.
func (d *DB) Keyed() error { return d.key.check() }

func (d *DB) keyPath() string { return d.path + ".key" }

func (d *DB) keyError(err error) error {
	return &Error{Op: "use the key", Path: d.keyPath(), Reason: ErrKey, Err: err,
		Hint: "put back the key file that belongs to " + d.path + " (0600); " +
			"without it secrets cannot be compared and changes cannot be vouched for, so nothing is written"}
}

// openKey reads the key, creates it for a journal in which there was never a
// run, and records which key it is. That the key is missing or another
// journal's is no error here; it keeps the journal from being written. The
// transaction keeps two processes from creating it at once.
func (d *DB) openKey(ctx context.Context) error {
	return d.transact(&transaction{ctx: ctx, op: "open the key of", fn: func(ctx context.Context, c *sql.Conn) error {
		used, err := d.used(ctx, c)
		if err != nil {
			return err
		}
		secret, err := readKey(d.keyPath())
		if errors.Is(err, fs.ErrNotExist) && !used {
			if secret, err = createKey(d.keyPath()); err != nil {
				return err // nothing is lost yet: say it now
			}
		}
		if err != nil {
			d.key.err = d.keyError(err)
			return nil
		}
		d.key = key{secret: secret}
		stored, err := storedFingerprint(ctx, c)
		if err != nil || stored == d.key.fingerprint() {
			return err
		}
		if used {
			d.key = key{err: d.unpaired(stored)}
			return nil
		}
		_, err = c.ExecContext(ctx, "INSERT OR REPLACE INTO key_file (one, fingerprint) VALUES (1, ?)", d.key.fingerprint())
		return err
	}})
}

// loadKey is openKey for readers.
func (d *DB) loadKey(ctx context.Context) error {
	secret, err := readKey(d.keyPath())
	if err != nil {
		d.key.err = d.keyError(err)
		return nil
	}
	d.key = key{secret: secret}
	stored, err := storedFingerprint(ctx, d.watch)
	if err == nil && stored != d.key.fingerprint() {
		d.key = key{err: d.unpaired(stored)}
	}
	return err
}

// unpaired says why a key does not belong to a journal with this fingerprint.
func (d *DB) unpaired(stored string) error {
	if stored == "" {
		return &Error{Op: "use the key of", Path: d.path, Reason: ErrCorrupt,
			Err: errors.New("the table key_file is empty"), Hint: corruptHint}
	}
	return d.keyError(errors.New("it is not the key whose fingerprint stands in the journal's table key_file"))
}

// storedFingerprint returns that of the key which the journal is written with,
// or "".
func storedFingerprint(ctx context.Context, q querier) (stored string, err error) {
	err = q.QueryRowContext(ctx, "SELECT coalesce((SELECT fingerprint FROM key_file WHERE one = 1), '')").Scan(&stored)
	return stored, err
}

func (k key) fingerprint() string { return hex.EncodeToString(k.mac("fingerprint")) }

// used reports whether there was ever a run.
func (d *DB) used(ctx context.Context, q querier) (bool, error) {
	var used bool
	err := q.QueryRowContext(ctx, "SELECT EXISTS (SELECT 1 FROM runs) OR EXISTS (SELECT 1 FROM deleted)").Scan(&used)
	return used, err
}

func readKey(path string) ([]byte, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	secret := make([]byte, keySize)
	if n, err := hex.Decode(secret, trimNewline(text, 2*keySize)); err != nil || n != keySize {
		return nil, fmt.Errorf("it does not hold %d bytes in hex", keySize)
	}
	return secret, nil
}

func trimNewline(text []byte, size int) []byte {
	if len(text) == size+1 && text[size] == '\n' {
		return text[:size]
	}
	if len(text) != size {
		return nil
	}
	return text
}

// createKey writes a new key; the file is whole or not there.
func createKey(path string) ([]byte, error) {
	secret := make([]byte, keySize)
	_, _ = rand.Read(secret)                              // never fails, by its contract
	f, err := os.CreateTemp(filepath.Dir(path), ".key-*") // 0600
	if err != nil {
		return nil, err
	}
	_, err = f.WriteString(hex.EncodeToString(secret) + "\n")
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		_ = os.Remove(f.Name())
		return nil, err
	}
	return secret, syncDir(filepath.Dir(path))
}
