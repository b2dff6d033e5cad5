//go:build unix

package database

import "syscall"

func killGroup(pid int) error { return syscall.Kill(-pid, syscall.SIGKILL) }
