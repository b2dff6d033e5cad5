package program

import (
	"bytes"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// adoptOrphans makes this process the parent of all that its descendants leave
// behind.
func adoptOrphans() { _ = unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) }

// programAttributes puts a program into a group of its own and lets the kernel
// kill it when its supervisor dies.
func programAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

func redirect(from, to int) error { return unix.Dup3(from, to, unix.O_CLOEXEC) }

// endMarked kills the processes in whose environment an entry stands, until
// there is none, or one cannot be killed.
func endMarked(entry string) {
	for deadline := time.Now().Add(killWait); ; time.Sleep(pollEvery) {
		pids := marked(entry)
		if len(pids) == 0 || time.Now().After(deadline) {
			return
		}
		for _, pid := range pids {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	}
}

// marked returns the processes in whose environment an entry stands; of a zombie
// there is none to read.
func marked(entry string) []int {
	if strings.HasSuffix(entry, "=") { // of anybody's
		return nil
	}
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	var found []int
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil || pid == os.Getpid() {
			continue
		}
		environ, err := os.ReadFile("/proc/" + e.Name() + "/environ")
		if err == nil && bytes.Contains(append([]byte{0}, environ...), []byte("\x00"+entry+"\x00")) {
			found = append(found, pid)
		}
	}
	return found
}

// descendants returns the running processes below this one. Zombies, which
// will be reaped, do not run.
func descendants(int) []int {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	children, runs := map[int][]int{}, map[int]bool{}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		stat, err := os.ReadFile("/proc/" + e.Name() + "/stat")
		if err != nil {
			continue // ended meanwhile
		}
		if state, parent, ok := parseStat(string(stat)); ok {
			children[parent] = append(children[parent], pid)
			runs[pid] = state != 'Z' && state != 'X'
		}
	}
	var found []int
	seen := map[int]bool{os.Getpid(): true}
	for queue := []int{os.Getpid()}; len(queue) > 0; queue = queue[1:] {
		for _, pid := range children[queue[0]] {
			if seen[pid] {
				continue
			}
			seen[pid] = true
			queue = append(queue, pid)
			if runs[pid] {
				found = append(found, pid)
			}
		}
	}
	return found
}
