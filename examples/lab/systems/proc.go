package systems

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// children returns the processes that a process has started, where /proc tells.
func children(pid int) []int {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	if err != nil {
		return nil
	}
	var pids []int
	for _, word := range strings.Fields(string(data)) {
		if n, err := strconv.Atoi(word); err == nil {
			pids = append(pids, n)
		}
	}
	return pids
}

// comm returns the name of a process; "" if it is gone.
func comm(pid int) string {
	name, _ := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
	return strings.TrimSpace(string(name))
}

// await waits for a condition; it gives up after a while.
func await(holds func() bool) {
	for deadline := time.Now().Add(patience); !holds() && time.Now().Before(deadline); time.Sleep(pause) {
	}
}
