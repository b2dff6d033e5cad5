package supervisor

import (
	"bytes"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// adoptOrphans makes this process the parent of all that its descendants leave
// behind.
func adoptOrphans() {
	const setChildSubreaper = 36 // PR_SET_CHILD_SUBREAPER, which package syscall does not name
	_, _, _ = syscall.RawSyscall(syscall.SYS_PRCTL, setChildSubreaper, 1, 0)
}

// programAttributes puts a program into a group of its own and lets the kernel
// kill it when its supervisor dies.
func programAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

func redirect(from, to int) error { return syscall.Dup3(from, to, syscall.O_CLOEXEC) }

// EndMarked kills the processes in whose environment an entry stands, until
// there is none, or one cannot be killed.
func EndMarked(entry string) {
	for deadline := time.Now().Add(KillWait); ; time.Sleep(pollEvery) {
		pids := Marked(entry)
		if len(pids) == 0 || time.Now().After(deadline) {
			return
		}
		for _, pid := range pids {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	}
}

// Marked returns the processes in whose environment an entry stands; of a zombie
// there is none to read.
func Marked(entry string) []int {
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

// parseStat reads what is needed of a process's line in /proc: "pid (name)
// state parent …", where the name may hold anything.
func parseStat(stat string) (state byte, parent int, ok bool) {
	fields := strings.Fields(stat[strings.LastIndexByte(stat, ')')+1:])
	if len(fields) < 2 || len(fields[0]) != 1 {
		return 0, 0, false
	}
	parent, err := strconv.Atoi(fields[1])
	return fields[0][0], parent, err == nil
}
