package journal

import (
	"context"
	"database/sql"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
)

// applicationID marks the file as a runbook journal: "rbk1".
const applicationID = 0x72626b31

// migrate brings the database to the newest format that files hold, each step
// in a transaction of its own. There is no way back.
func migrate(ctx context.Context, conn *sql.Conn, path string, files fs.FS) error {
	steps, err := migrationSteps(files)
	if err != nil {
		return err
	}
	for {
		done, err := migrateOnce(ctx, conn, path, files, steps)
		if err != nil || done {
			return err
		}
	}
}

// migrateOnce takes the first step that is missing. Another process may be
// doing the same, so the version is read inside the transaction.
func migrateOnce(ctx context.Context, conn *sql.Conn, path string, files fs.FS, steps []string) (done bool, err error) {
	version, err := formatVersion(ctx, conn, path)
	if err != nil || version == len(steps) {
		return true, err
	}
	if version > len(steps) {
		return true, newer(path, version, len(steps))
	}
	if _, err := conn.ExecContext(ctx, "BEGIN IMMEDIATE"); err != nil {
		return true, err
	}
	defer func() {
		if err != nil {
			_, _ = conn.ExecContext(context.WithoutCancel(ctx), "ROLLBACK")
		}
	}()
	if version, err = formatVersion(ctx, conn, path); err != nil {
		return true, err
	}
	if version < len(steps) {
		text, err := fs.ReadFile(files, steps[version])
		if err != nil {
			return true, err
		}
		script := fmt.Sprintf("%s; PRAGMA user_version = %d; PRAGMA application_id = %d", text, version+1, applicationID)
		if _, err := conn.ExecContext(ctx, script); err != nil {
			return true, fmt.Errorf("migration %s: %w", steps[version], err)
		}
	}
	_, err = conn.ExecContext(ctx, "COMMIT")
	return false, err
}

// checkVersion is for readers, which cannot migrate.
func checkVersion(ctx context.Context, conn *sql.Conn, path string, files fs.FS) error {
	steps, err := migrationSteps(files)
	if err != nil {
		return err
	}
	version, err := formatVersion(ctx, conn, path)
	switch {
	case err != nil:
		return err
	case version > len(steps):
		return newer(path, version, len(steps))
	case version == 0:
		return &Error{Op: "open", Path: path, Err: ErrEmpty,
			Hint: "start a run, or name another file with --db"}
	case version < len(steps):
		return &Error{Op: "open", Path: path, Reason: ErrOlder,
			Err:  fmt.Errorf("it has format %d, this program reads %d", version, len(steps)),
			Hint: "open it once for writing, which brings it up to date: any `runbook run` does"}
	}
	return nil
}

func newer(path string, version, known int) error {
	return &Error{Op: "open", Path: path, Reason: ErrNewer,
		Err:  fmt.Errorf("it has format %d, this program knows up to %d", version, known),
		Hint: "use the newer program, or name another file with --db"}
}

// formatVersion returns how many migrations were applied: 0 for an empty file.
func formatVersion(ctx context.Context, conn *sql.Conn, path string) (int, error) {
	var version, application, tables int
	err := conn.QueryRowContext(ctx, `SELECT (SELECT user_version FROM pragma_user_version),
		(SELECT application_id FROM pragma_application_id), (SELECT count(*) FROM sqlite_master)`).
		Scan(&version, &application, &tables)
	if err != nil {
		return 0, err
	}
	if application != applicationID && (tables > 0 || version != 0 || application != 0) {
		return 0, &Error{Op: "open", Path: path, Reason: ErrForeign, Hint: "name another file with --db"}
	}
	return version, nil
}

// migrationSteps returns the files in order: 0001_journal.sql is the first.
func migrationSteps(files fs.FS) ([]string, error) {
	steps, err := fs.Glob(files, "migrations/*.sql") // sorted by name
	if err != nil {
		return nil, err
	}
	for i, name := range steps {
		number, _, _ := strings.Cut(strings.TrimPrefix(name, "migrations/"), "_")
		if n, err := strconv.Atoi(number); err != nil || n != i+1 {
			return nil, fmt.Errorf("migration %s: its number should be %d", name, i+1)
		}
	}
	return steps, nil
}
