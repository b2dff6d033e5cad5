package nginx

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// workers returns the processes beside the one that answered which take
// connections, itself among them. It is nil where that cannot be seen: on another
// system than Linux, or when nginx runs in a container.
func workers(pid int) map[int]bool {
	if !takes(pid) {
		return nil
	}
	parent := parentOf(pid)
	entries, err := os.ReadDir("/proc")
	if err != nil || parent == 0 {
		return nil
	}
	list := map[int]bool{}
	for _, e := range entries {
		if n, err := strconv.Atoi(e.Name()); err == nil && parentOf(n) == parent && takes(n) {
			list[n] = true
		}
	}
	return list
}

// takes reports whether a process is a worker that takes connections: one that
// only finishes what it has says so in its title.
func takes(pid int) bool {
	title, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	text := strings.TrimSpace(string(bytes.TrimRight(title, "\x00 ")))
	return err == nil && strings.HasPrefix(text, "nginx: worker process") && !strings.Contains(text, "shutting down")
}

// parentOf returns a process's parent, 0 if that cannot be seen.
func parentOf(pid int) int {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	// The name before may hold anything; behind its bracket come state and parent.
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	if len(fields) < 2 {
		return 0
	}
	parent, _ := strconv.Atoi(fields[1])
	return parent
}
