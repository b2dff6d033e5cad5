package systems

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
)

// SQLite is a database in a file, with a directory for its backups. An empty
// file is an empty database.
type SQLite struct {
	Dir string
	// Environment names where it carries db, beside another database.
	Environment string
}

// Missing implements System.
func (s *SQLite) Missing() *Missing { return nil }

// Start implements System.
func (s *SQLite) Start(context.Context) error {
	if err := os.MkdirAll(filepath.Join(s.Dir, "backups"), 0o700); err != nil {
		return fmt.Errorf("make the SQLite database: %w", err)
	}
	if err := os.WriteFile(s.file(), nil, 0o600); err != nil {
		return fmt.Errorf("make the SQLite database: %w", err)
	}
	return nil
}

func (s *SQLite) file() string { return filepath.Join(s.Dir, "shop.db") }

// Describe implements System.
func (s *SQLite) Describe() Description {
	note := "db"
	if s.Environment != "" {
		note += ", with --env " + s.Environment
	}
	return Description{Lines: []Line{{Name: "sqlite", Where: s.file(), Note: note}}, Entries: []Entry{{Module: "db", Backend: "sqlite", Environment: s.Environment,
		Settings: map[string]any{"file": s.file(), "backups": filepath.Join(s.Dir, "backups"), "copies": filepath.Join(s.Dir, "copies")}}}}
}

// Stop implements System.
func (s *SQLite) Stop() {}
