//go:build unix && !linux

package supervisor

import "syscall"

// adoptOrphans cannot be done here: a child that makes a session of its own and
// loses its parent is out of reach.
func adoptOrphans() {}

// programAttributes puts a program into a group of its own.
func programAttributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

func redirect(from, to int) error { return syscall.Dup2(from, to) }

// descendants returns the program's group, as the number that kill takes,
// while a process of it runs.
func descendants(group int) []int {
	if syscall.Kill(-group, 0) == syscall.ESRCH {
		return nil
	}
	return []int{-group}
}

// EndMarked needs a way to look into the environments of others, which there is
// not everywhere.
func EndMarked(string) {}

// Marked needs the same.
func Marked(string) []int { return nil }
