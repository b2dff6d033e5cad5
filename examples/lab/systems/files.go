package systems

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
)

// Files is a directory with a log in it, and one for archives.
type Files struct{ Dir string }

// sampleLog is what there is to search for.
const sampleLog = `2026-01-31T03:00:00Z INFO  shop started version=v1.0.0
2026-01-31T03:04:05Z WARN  login failed user=ana from=192.0.2.77
2026-01-31T03:04:06Z WARN  login failed user=ana from=192.0.2.77
2026-01-31T03:04:09Z ERROR payment refused order=4711
`

// Missing implements System.
func (f *Files) Missing() *Missing { return nil }

// Start implements System.
func (f *Files) Start(context.Context) error {
	for _, dir := range []string{f.logs(), f.archives()} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return fmt.Errorf("make files: %w", err)
		}
	}
	if err := os.WriteFile(filepath.Join(f.logs(), "shop.log"), []byte(sampleLog), 0o600); err != nil {
		return fmt.Errorf("make files: %w", err)
	}
	return nil
}

func (f *Files) logs() string     { return filepath.Join(f.Dir, "logs") }
func (f *Files) archives() string { return filepath.Join(f.Dir, "archives") }

// Describe implements System.
func (f *Files) Describe() Description {
	return Description{Lines: []Line{{Name: "files", Where: f.logs(), Note: "logs to search and archive"}}, Entries: []Entry{{Module: "files", Backend: "files",
		Settings: map[string]any{"roots": []string{f.logs()}, "archives": []string{f.archives()}, "dir": f.logs(), "zone": "UTC"}}}}
}

// Stop implements System.
func (f *Files) Stop() {}
