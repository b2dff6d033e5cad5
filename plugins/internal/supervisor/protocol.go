package supervisor

import (
	"cmp"
	"syscall"
)

// A supervisor's standard streams are the program's. It takes a program and
// then commands, a JSON value each, from one pipe, and answers on another:
//
//	{"path": …, "argv": […], "env": […], "dir": …}   {"started": 123} or {"errno": 2}
//	                                                 {"exited": 0}, a wait status, when the program has
//	{"stop": 5000}: end everything, within ms        {"gone": true} when nothing is left
//	{"release": true}: leave the rest alone          its end
//
// The end of the commands' pipe means that the plugin is gone: everything is
// killed.
const (
	OrdersFD  = 3
	ReportsFD = 4
)

// variable makes a supervisor of this executable.
const variable = "RUNBOOK_SUPERVISE"

// Entry returns the entry of the environment by which an executable is started as a
// supervisor, and by which those of an effect's programs are known.
func Entry(key string) string { return variable + "=" + cmp.Or(key, "1") }

// Launch is what the supervisor is to run. Bytes are not texts: JSON would
// mend what is not UTF-8.
type Launch struct {
	Path []byte   `json:"path"`
	Argv [][]byte `json:"argv"`
	Env  [][]byte `json:"env"`
	Dir  []byte   `json:"dir"`
}

func NewLaunch(path string, argv, env []string, dir string) Launch {
	return Launch{[]byte(path), asBytes(argv), asBytes(env), []byte(dir)}
}

func asBytes(list []string) [][]byte {
	out := make([][]byte, len(list))
	for i, s := range list {
		out[i] = []byte(s)
	}
	return out
}

func asStrings(list [][]byte) []string {
	out := make([]string, len(list))
	for i, b := range list {
		out[i] = string(b)
	}
	return out
}

// Order is a command to a supervisor; Stop is the grace in milliseconds.
type Order struct {
	Stop    *int64 `json:"stop,omitempty"`
	Release bool   `json:"release,omitempty"`
}

// Report is what a supervisor says.
type Report struct {
	Started int                 `json:"started,omitempty"`
	Errno   syscall.Errno       `json:"errno,omitempty"`
	Exited  *syscall.WaitStatus `json:"exited,omitempty"`
	Gone    *bool               `json:"gone,omitempty"`
}
