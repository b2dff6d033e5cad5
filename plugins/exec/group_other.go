//go:build unix && !linux

package exec

import "syscall"

// groupAttr puts a program into a group of its own. Without Linux there is no
// signal for the death of a parent: a killed plugin leaves its program running.
func groupAttr() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

// groupRuns reports whether the group has a process.
func groupRuns(group int) bool { return syscall.Kill(-group, 0) != syscall.ESRCH }
