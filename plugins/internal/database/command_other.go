//go:build unix && !linux

package database

import "syscall"

// Attributes lets a program run as somebody in a group of its own, and ends it
// by a signal when the thread that started it does, where the system can.
func Attributes(u *User, _ syscall.Signal) *syscall.SysProcAttr {
	a := &syscall.SysProcAttr{Setpgid: true}
	if u != nil {
		a.Credential = &syscall.Credential{Uid: u.UID, Gid: u.GID}
	}
	return a
}
