package app

import (
	"fmt"
	"runtime"
	"runtime/debug"
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
