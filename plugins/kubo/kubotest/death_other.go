//go:build !linux

package kubotest

import "syscall"

// attributes keep Ctrl-C of a terminal from a node; it ends with its standard
// input, which this process holds.
func attributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
