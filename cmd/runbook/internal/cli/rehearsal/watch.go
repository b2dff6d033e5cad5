package rehearsal

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// lookEvery is how often files are looked at for a save.
const lookEvery = 200 * time.Millisecond

// watch explores now and after each save, until ctx ends. What is wrong with the
// script is printed, and the next save waited for.
func (a commands) watch(ctx context.Context, cmd *cobra.Command, path string, o exploreFlags, seeded bool) error {
	for {
		before := saved(path, o.world)
		err := a.explore(ctx, path, o, seeded)
		if ctx.Err() != nil {
			return err
		}
		if err != nil {
			a.Exit(cmd, err)
		}
		a.Note("%s\n", a.Style.Dim("waiting for a save of "+filepath.Base(path)+" or what is beside it; Ctrl-C ends"))
		tick := time.NewTicker(lookEvery)
		changed := awaitSave(ctx, tick.C, func() bool { return saved(path, o.world) != before })
		tick.Stop()
		if !changed {
			return nil
		}
	}
}

// awaitSave asks at each tick whether something was saved; false if ctx ended
// before.
func awaitSave(ctx context.Context, ticks <-chan time.Time, changed func() bool) bool {
	for {
		select {
		case <-ctx.Done():
			return false
		case <-ticks:
			if changed() {
				return true
			}
		}
	}
}

// saved tells the state of all files that an exploration may read: the scripts
// of the folder and of its subfolder lib, the scenario, and the parameters.
func saved(path string, w worldFlags) string {
	var b strings.Builder
	files := []string{path, w.scenario, w.file}
	for _, pattern := range []string{"*.lua", "lib/*.lua"} {
		more, _ := filepath.Glob(filepath.Join(filepath.Dir(path), pattern)) // the pattern is well formed
		files = append(files, more...)
	}
	for _, file := range files {
		if info, err := os.Stat(file); err == nil {
			fmt.Fprintln(&b, file, info.Size(), info.ModTime().UnixNano())
		}
	}
	return b.String()
}
