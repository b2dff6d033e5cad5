package app

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"sync"
)

// version is set by the linker for releases: -X .../internal/cli/app.version=v1.2.3
var version = ""

// Version returns the program's version: the release's, or the module's as the
// build recorded it.
func Version() string {
	if version != "" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
		return info.Main.Version
	}
	return "development"
}

// VersionText is what a person needs to report a fault.
func VersionText() string {
	return fmt.Sprintf("runbook %s (%s, %s/%s)", Version(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
}

// Executable returns the SHA-256 of this program's file in hex; "" if it cannot be
// read. It takes a while the first time.
var Executable = sync.OnceValue(func() string {
	path, err := os.Executable()
	if err != nil {
		return ""
	}
	if self := "/proc/self/exe"; runtime.GOOS == "linux" { // the one that runs, whatever has taken its place
		path = self
	}
	f, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer func() { _ = f.Close() }()
	sum := sha256.New()
	if _, err := io.Copy(sum, f); err != nil {
		return ""
	}
	return hex.EncodeToString(sum.Sum(nil))
})
