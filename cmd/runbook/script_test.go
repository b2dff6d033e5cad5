package main

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/q-ecosystem/runbook/cmd/runbook/internal/cli"
)

// patience bounds every wait; reaching it is a failure.
const patience = time.Minute

// code runs a program and wants its exit code:
//
//	code 3 runbook run fail.lua
func code(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: code N PROGRAM ARGS…")
	}
	err := ts.Exec(args[1], args[2:]...)
	got := 0
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		got = exit.ExitCode()
	} else if err != nil {
		ts.Fatalf("%v", err)
	}
	if strconv.Itoa(got) != args[0] {
		ts.Fatalf("exit code %d, want %s", got, args[0])
	}
}

// until runs a program again and again until its standard output matches:
//
//	until waiting runbook list
func until(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: until PATTERN PROGRAM ARGS…")
	}
	pattern, err := regexp.Compile("(?m)" + args[0])
	ts.Check(err)
	deadline := time.Now().Add(patience)
	for {
		cmd := exec.Command(args[1], args[2:]...)
		if args[1] == "runbook" {
			cmd.Path = lookPath(ts, args[1])
			cmd.Err = nil
		}
		cmd.Dir, cmd.Env = ts.Getenv("WORK"), environ(ts)
		out, err := cmd.Output()
		if pattern.Match(out) {
			return
		}
		if time.Now().After(deadline) {
			ts.Fatalf("%q has not come within %s; the last output (%v):\n%s", args[0], patience, err, out)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// environ returns the script's environment as far as the program reads it.
func environ(ts *testscript.TestScript) []string {
	var env []string
	for _, name := range []string{"PATH", "HOME", "WORK", "TMPDIR", "TZ", "TERM", "COLUMNS", "NO_COLOR", "GORACE",
		"RUNBOOK_DB", "RUNBOOK_CONFIG", "RUNBOOK_LAB", "XDG_CONFIG_HOME", "XDG_STATE_HOME"} {
		if v := ts.Getenv(name); v != "" {
			env = append(env, name+"="+v)
		}
	}
	return env
}

// lookPath finds a program on the script's PATH.
func lookPath(ts *testscript.TestScript, name string) string {
	for dir := range strings.SplitSeq(ts.Getenv("PATH"), ":") {
		if path := dir + "/" + name; executable(path) {
			return path
		}
	}
	ts.Fatalf("%s is not on PATH", name)
	return ""
}

func executable(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Mode()&0o100 != 0
}

// signal sends a signal to the runner that holds the newest run, and waits
// until it is gone unless the signal has a name with a + behind it:
//
//	signal KILL
//	signal INT+
func signal(ts *testscript.TestScript, neg bool, args []string) {
	signals := map[string]syscall.Signal{"INT": syscall.SIGINT, "TERM": syscall.SIGTERM, "HUP": syscall.SIGHUP, "KILL": syscall.SIGKILL}
	if neg || len(args) != 1 {
		ts.Fatalf("usage: signal NAME")
	}
	name, stays := strings.CutSuffix(args[0], "+")
	sig, ok := signals[name]
	if !ok {
		ts.Fatalf("there is no signal %s here", name)
	}
	cmd := exec.Command(lookPath(ts, "runbook"), "list", "-n1", "--json")
	cmd.Env = environ(ts)
	out, err := cmd.Output()
	ts.Check(err)
	holder := regexp.MustCompile(`"holder":"[^"]*process (\d+)`).FindSubmatch(out)
	if holder == nil {
		ts.Fatalf("nobody holds the newest run: %s", out)
	}
	pid, err := strconv.Atoi(string(holder[1]))
	ts.Check(err)
	ts.Check(syscall.Kill(pid, sig))
	for deadline := time.Now().Add(patience); !stays && alive(pid); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			err := syscall.Kill(pid, syscall.SIGKILL) // or its output would be waited for
			ts.Fatalf("process %d has not ended (%v)", pid, err)
		}
	}
}

// alive reports whether a process runs; one that has ended and that nobody has
// waited for does not.
func alive(pid int) bool {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if errors.Is(err, os.ErrNotExist) && executable("/proc/self/exe") {
		return false
	}
	if i := bytes.LastIndexByte(stat, ')'); err == nil && len(stat) > i+2 {
		return stat[i+2] != 'Z' && stat[i+2] != 'X'
	}
	return syscall.Kill(pid, 0) == nil
}

// jsonStream wants every line of a file to be as the reference of --json has it,
// and the first to be the stream's head. Types that are named have to come:
//
//	json stdout outcome
func jsonStream(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 {
		ts.Fatalf("usage: json FILE TYPES…")
	}
	command, missing := "", args[1:]
	lines := bufio.NewScanner(strings.NewReader(ts.ReadFile(args[0])))
	lines.Buffer(nil, 1<<20)
	n := 0
	for ; lines.Scan(); n++ {
		var line struct {
			Type    string
			Version any // of the program, too
			Command string
		}
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil || line.Type == "" {
			ts.Fatalf("line %d is not a line of a stream (%v): %s", n+1, err, lines.Text())
		}
		if (line.Type == "stream") != (n == 0) || n == 0 && (line.Version != 1.0 || line.Command == "") {
			ts.Fatalf("line %d stands in the wrong place, or says too little: %s", n+1, lines.Text())
		}
		if n == 0 {
			command = line.Command
		}
		if err := asDeclared(line.Type, command, lines.Bytes()); err != nil {
			ts.Fatalf("line %d is not as the reference of --json has it: %v\n%s", n+1, err, lines.Text())
		}
		missing = slices.DeleteFunc(missing, func(t string) bool { return t == line.Type })
	}
	if len(missing) > 0 {
		ts.Fatalf("no line of the type %s has come", strings.Join(missing, ", "))
	}
	ts.Check(lines.Err())
	if n == 0 {
		ts.Fatalf("there is no line")
	}
}

// asDeclared holds a line of a command against its declaration: what it holds is
// declared, nothing that always comes is missing, and the values are of the
// declared types.
func asDeclared(kind, command string, text []byte) error {
	var problem error
	for _, l := range cli.Lines() {
		if l.Type != kind || len(l.From) > 0 && !slices.Contains(l.From, command) {
			continue
		}
		v := reflect.New(reflect.TypeOf(l.Shape))
		dec := json.NewDecoder(bytes.NewReader(text))
		dec.DisallowUnknownFields()
		if problem = dec.Decode(v.Interface()); problem != nil {
			continue
		}
		var was, is any
		again, err := json.Marshal(v.Interface())
		if err = errors.Join(err, json.Unmarshal(text, &was), json.Unmarshal(again, &is)); err != nil {
			return err
		}
		if reflect.DeepEqual(was, is) {
			return nil
		}
		problem = fmt.Errorf("as it is declared, it would be %s", again)
	}
	if problem == nil {
		problem = fmt.Errorf("%s has no line of the type %s", command, kind)
	}
	return problem
}

// alter replaces the only occurrence of a text in a file by one of the same
// length, as somebody would who falsifies a journal:
//
//	alter .state/runbook.db looks-good looks-evil
func alter(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 || len(args[1]) != len(args[2]) {
		ts.Fatalf("usage: alter FILE OLD NEW, of one length")
	}
	path := ts.MkAbs(args[0])
	data, err := os.ReadFile(path)
	ts.Check(err)
	if n := bytes.Count(data, []byte(args[1])); n == 0 {
		ts.Fatalf("%s does not hold %q", args[0], args[1])
	}
	ts.Check(os.WriteFile(path, bytes.ReplaceAll(data, []byte(args[1]), []byte(args[2])), 0o600))
}

// printed wants a text to hold commands of exactly these verbs, in this order,
// each up to the end of its line, and writes each into a script of its own that
// runs it from another folder:
//
//	printed stderr approve deny resume
//	exec sh printed.approve
//
// A second command of a verb is printed.VERB.2.
func printed(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 {
		ts.Fatalf("usage: printed FILE VERBS…")
	}
	command := regexp.MustCompile(`(?m)(?:^|\s)((?:(cd) .* && )?runbook ([a-z]+)\b.*)$`)
	var verbs []string
	seen := map[string]int{}
	for _, found := range command.FindAllStringSubmatch(ts.ReadFile(args[0]), -1) {
		verb := cmp.Or(found[2], found[3])
		verbs = append(verbs, verb)
		name := "printed." + verb
		if seen[verb]++; seen[verb] > 1 {
			name += "." + strconv.Itoa(seen[verb])
		}
		ts.Check(os.WriteFile(ts.Getenv("WORK")+"/"+name, []byte("cd /\n"+found[1]+"\n"), 0o600))
	}
	if got, want := strings.Join(verbs, " "), strings.Join(args[1:], " "); got != want {
		ts.Fatalf("the commands %q are printed, want %q", got, want)
	}
}
