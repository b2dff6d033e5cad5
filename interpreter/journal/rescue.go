package journal

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// outcomes returns the events before the first intent: what has happened. What
// was only intended is not done any more.
func outcomes(events []effect.Event) []effect.Event {
	for i, e := range events {
		switch e.Kind {
		case effect.EffectIntended, effect.TimerSet, effect.QuestionAsked:
			return events[:i]
		}
	}
	return events
}

// rescue writes a copy of a journal whose files are gone from the file system
// and still open here, and adds to gone where it is and what to do with it.
func (d *DB) rescue(ctx context.Context, gone error) error {
	var e *Error
	if !errors.As(gone, &e) {
		return gone
	}
	d.commits.lock()
	defer d.commits.unlock()
	if d.rescued == "" {
		path := fmt.Sprintf("%s.rescued-%d", d.path, d.now().Unix())
		f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
		if err == nil {
			err = f.Close()
		}
		if err == nil {
			_, err = d.conn.ExecContext(ctx, "VACUUM INTO ?", path)
		}
		if err != nil {
			_ = os.Remove(path)
			e.Hint = "what this process still had of it could not be saved (" + err.Error() + "): restore a backup, and look at the systems before anything else"
			return e
		}
		d.rescued = path
	}
	e.Hint = fmt.Sprintf("the record up to here was saved: stop whatever else uses it, then rm -f '%s-wal' '%s-shm'; mv '%s' '%s'",
		d.path, d.path, d.rescued, d.path)
	if _, err := os.Stat(d.keyPath()); errors.Is(err, fs.ErrNotExist) {
		key := d.rescued + ".key"
		if os.WriteFile(key, []byte(hex.EncodeToString(d.key.secret)+"\n"), 0o600) == nil {
			e.Hint += fmt.Sprintf("; mv '%s' '%s'", key, d.keyPath())
		}
	}
	return e
}
