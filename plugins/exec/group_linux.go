package exec

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"syscall"
)

// groupAttr puts a program into a group of its own and lets the kernel kill
// it when the plugin dies.
func groupAttr() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// groupRuns reports whether a process of the group runs. Zombies, which nobody
// may ever reap where process 1 is no init, do not count.
func groupRuns(group int) bool {
	if syscall.Kill(-group, 0) == syscall.ESRCH {
		return false
	}
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return true // the signal found someone
	}
	for _, e := range entries {
		if _, err := strconv.Atoi(e.Name()); err != nil {
			continue
		}
		stat, err := os.ReadFile("/proc/" + e.Name() + "/stat")
		if err != nil {
			continue // ended meanwhile
		}
		// pid (name) state parent group …; the name may hold anything.
		var state byte
		var parent, pgrp int
		_, rest, _ := bytes.Cut(stat[bytes.LastIndexByte(stat, ')')+1:], []byte(" "))
		if n, _ := fmt.Sscanf(string(rest), "%c %d %d", &state, &parent, &pgrp); n == 3 && pgrp == group && state != 'Z' && state != 'X' {
			return true
		}
	}
	return false
}
