package rehearsal

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/q-ecosystem/runbook/cmd/runbook/internal/cli/app"
	"github.com/q-ecosystem/runbook/cmd/runbook/internal/view"
	"github.com/q-ecosystem/runbook/interpreter/booktest"
	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/script"
	"github.com/q-ecosystem/runbook/interpreter/script/check"
	"github.com/q-ecosystem/runbook/runbooks"
)

func (a commands) testCommand() *cobra.Command {
	var only, junit string
	var cover bool
	cmd := &cobra.Command{
		Use:   "test [PATH…]",
		Short: "Run the tests of runbooks",
		Long: "Run the tests that stand beside runbooks, in files that end with " + booktest.Suffix + ": those\n" +
			"named, those below the directories named, or those below this one. The name of a\n" +
			"shipped runbook stands for its tests. Tests run in simulated worlds; nothing leaves\n" +
			"this process. Exit 1 if one fails, 2 if there is none.",
		Example: "  runbook test\n  runbook test runbooks/blue-green_test.lua --run slow --cover\n" +
			"  runbook test --junit report.xml",
		ValidArgsFunction: app.CompleteScript,
		RunE: func(cmd *cobra.Command, argv []string) error {
			filter, err := regexp.Compile(only)
			if err != nil {
				return app.Usagef("--run: %w", err)
			}
			folders, err := testFolders(argv)
			if err != nil {
				return err
			}
			ctx, release := a.UntilInterrupted(cmd.Context())
			defer release()
			if a.Flags.JSON {
				a.JSONHead("test")
			}
			return a.runTests(ctx, folders, testRun{filter: filter, only: only, cover: cover, junit: junit})
		},
	}
	f := cmd.Flags()
	f.StringVar(&only, "run", "", "the tests whose names match `REGEXP`")
	f.BoolVar(&cover, "cover", false, "tell which lines of the runbooks no test came to")
	f.StringVar(&junit, "junit", "", "write a report for build servers to `FILE`")
	return cmd
}

// testRun says how tests are run, and counts what became of them.
type testRun struct {
	filter      *regexp.Regexp
	only        string
	cover       bool
	junit       string
	catalog     *effect.Catalog
	people      effect.People
	files       []booktest.File
	passed      int
	failed      int // tests, and files that could not be run
	runs, tried int
}

// testFolder is a folder with files of tests.
type testFolder struct {
	path  string // as it is shown; empty for this one
	fsys  fs.FS
	files []string // in order
}

// testFolders finds the tests below the paths.
func testFolders(paths []string) ([]*testFolder, error) {
	if len(paths) == 0 {
		paths = []string{"."}
	}
	var folders []*testFolder
	add := func(dir string, fsys fs.FS, name string) {
		i := slices.IndexFunc(folders, func(f *testFolder) bool { return f.path == dir })
		if i < 0 {
			i = len(folders)
			folders = append(folders, &testFolder{path: dir, fsys: fsys})
		}
		if !slices.Contains(folders[i].files, name) {
			folders[i].files = append(folders[i].files, name)
		}
	}
	for _, p := range paths {
		info, err := os.Stat(p)
		switch {
		case err != nil && slices.Contains(app.Shipped(), p):
			if _, err := fs.Stat(runbooks.Files, p+booktest.Suffix); err != nil {
				return nil, app.Usagef("the shipped runbook %s has no tests", p)
			}
			add("shipped", runbooks.Files, p+booktest.Suffix)
			continue
		case errors.Is(err, os.ErrNotExist):
			return nil, app.Usagef("there is no file %s%s", p, app.Besides(p))
		case err != nil:
			return nil, app.Usage(err)
		case !info.IsDir() && !strings.HasSuffix(p, booktest.Suffix):
			return nil, app.Usagef("%s is no file of tests: their names end with %s", p, booktest.Suffix)
		case !info.IsDir():
			fsys, err := openFolder(filepath.Dir(p))
			if err != nil {
				return nil, app.Usage(err)
			}
			add(filepath.Dir(p), fsys, filepath.Base(p))
			continue
		}
		found := false
		err = filepath.WalkDir(p, func(at string, entry fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return err
			case entry.IsDir() && at != p && strings.HasPrefix(entry.Name(), "."):
				return fs.SkipDir
			case !entry.IsDir() && strings.HasSuffix(entry.Name(), booktest.Suffix):
				found = true
				fsys, err := openFolder(filepath.Dir(at))
				if err != nil {
					return err
				}
				add(filepath.Dir(at), fsys, entry.Name())
			}
			return nil
		})
		if err != nil {
			return nil, app.Usage(err)
		}
		if !found {
			return nil, app.Usagef("there are no tests below %s: their names end with %s", p, booktest.Suffix)
		}
	}
	return folders, nil
}

// name is how a file of the folder is shown.
func (f *testFolder) name(file string) string { return path.Join(filepath.ToSlash(f.path), file) }

func (a commands) runTests(ctx context.Context, folders []*testFolder, t testRun) error {
	began := time.Now()
	here, err := a.Here()
	if err != nil {
		return err
	}
	extra, err := a.ForeignModules(ctx, here, requiredIn(folders))
	if err != nil {
		return err
	}
	t.catalog, t.people = a.Catalog(extra...), here.Env.People()
	var covered []booktest.Coverage
	for _, folder := range folders {
		var cover *script.Coverage // of one folder: names are the same in others
		if t.cover {
			cover = script.NewCoverage()
		}
		for _, file := range folder.files {
			if err := a.runTestFile(ctx, folder, file, cover, &t); err != nil {
				return err
			}
		}
		if cover != nil {
			for _, c := range booktest.CoverageOf(cover) {
				c.File = folder.name(c.File)
				covered = append(covered, c)
			}
		}
	}
	if t.passed+t.failed == 0 {
		return app.Usagef("no test matches --run %s", t.only)
	}
	for i := range covered {
		a.showCoverage(&covered[i])
	}
	if err := writeJUnit(t.junit, t.files); err != nil {
		return err
	}
	code := app.ExitOK
	if t.failed > 0 {
		code = app.ExitFailed
	}
	if a.Flags.JSON {
		a.JSONLine(testsLine{"tests", t.passed, t.failed, t.runs, t.tried, code})
	} else {
		a.Result("%s in %s\n", t.summary(), effect.FormatDuration(time.Since(began)))
	}
	if code != app.ExitOK {
		return app.ExitWith(code)
	}
	return nil
}

// summary is the last line for people.
func (t *testRun) summary() string {
	text := fmt.Sprintf("%d passed", t.passed)
	if t.failed > 0 {
		text = fmt.Sprintf("%d failed, %s", t.failed, text)
	}
	text += fmt.Sprintf("; %d simulated", t.runs)
	if t.tried > 0 {
		text += fmt.Sprintf(", %d explored", t.tried)
	}
	return text
}

// openFolder returns the files below a folder, and nothing that links lead to
// elsewhere.
func openFolder(dir string) (fs.FS, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	return root.FS(), nil
}

// requiredIn returns what the scripts in the folders require: the catalog is
// made before tests say which of them they load.
func requiredIn(folders []*testFolder) []string {
	var names []string
	for _, folder := range folders {
		scripts, err := fs.Glob(folder.fsys, "*.lua")
		if err != nil {
			continue
		}
		for _, name := range scripts {
			if text, err := script.ReadFS(folder.fsys, name); err == nil {
				names = append(names, check.Requires(script.Source{Name: name, Text: text}, nil)...)
			}
		}
	}
	return names
}

// runTestFile runs one file and shows its tests as they end. The error is a
// stop of the whole.
func (a commands) runTestFile(ctx context.Context, folder *testFolder, file string, cover *script.Coverage, t *testRun) error {
	name := folder.name(file)
	shown := false
	head := func() {
		if !shown && !a.Flags.JSON {
			a.Result("%s\n", a.OutStyle.Bold(view.Clean(name)))
		}
		shown = true
	}
	tests, err := booktest.Run(ctx, folder.fsys, file, booktest.Options{Catalog: t.catalog, People: t.people, Only: t.filter,
		Cover: cover, Workers: runtime.GOMAXPROCS(0), Done: func(test *booktest.Test) {
			head()
			a.showTest(name, test)
		}})
	for _, test := range tests {
		t.runs += test.Runs
		t.tried += test.Schedules
		if test.Passed() {
			t.passed++
		} else {
			t.failed++
		}
	}
	t.files = append(t.files, booktest.File{Path: name, Tests: tests, Err: err})
	if ctx.Err() != nil {
		return &effect.Stop{Cause: effect.Interrupted}
	}
	if err != nil {
		t.failed++
		head()
		a.showTestError(name, err)
	}
	return nil
}

func (a commands) showTest(file string, t *booktest.Test) {
	if a.Flags.JSON {
		a.JSONLine(testLineOf(file, t))
		return
	}
	took := a.OutStyle.Dim(effect.FormatDuration(t.Took.Round(time.Millisecond)))
	if t.Passed() {
		a.Result("  %s %s  %s\n", a.OutStyle.Green("✓"), view.Clean(t.Name), took)
	} else {
		a.Result("  %s %s  %s\n", a.OutStyle.Red("✗"), a.OutStyle.Bold(view.Clean(t.Name)), took)
	}
	text := view.Clean(t.Text())
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		switch trimmed := strings.TrimLeft(line, " "); {
		case strings.HasPrefix(trimmed, "+ "):
			line = a.OutStyle.Red(line)
		case strings.HasPrefix(trimmed, "- "):
			line = a.OutStyle.Green(line)
		}
		a.Result("      %s\n", line)
	}
}

// showTestError tells why a file of tests could not be run.
func (a commands) showTestError(file string, err error) {
	hint := a.Hint(err).String()
	if a.Flags.JSON {
		a.JSONLine(testErrorLine{"test_error", file, err.Error(), strings.TrimPrefix(hint, "hint: ")})
		return
	}
	a.Result("  %s %s\n", a.OutStyle.Red("✗"), view.Clean(err.Error()))
	if hint != "" {
		a.Result("      %s\n", view.Clean(hint))
	}
}

func (a commands) showCoverage(c *booktest.Coverage) {
	if a.Flags.JSON {
		a.JSONLine(coverageLineOf(c))
		return
	}
	a.Result("%s  %.1f%% of %d statements\n", a.OutStyle.Bold(view.Clean(c.File)), c.Percent(), c.Statements)
	for line := range strings.Lines(view.Clean(c.Text())) {
		a.Result("  %s", line)
	}
}

func writeJUnit(file string, files []booktest.File) error {
	if file == "" {
		return nil
	}
	f, err := os.Create(file)
	if err != nil {
		return app.Usage(err)
	}
	return errors.Join(booktest.WriteJUnit(f, files), f.Close())
}
