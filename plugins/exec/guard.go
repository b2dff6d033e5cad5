package exec

import (
	"fmt"
	"os"
	osexec "os/exec"
	"syscall"
)

// guardScript reads the number of a process group, and then a line that says
// that all is well. If its input ends before that, the plugin is dead.
const guardScript = `read -r group && { read -r done || kill -s KILL -- "-$group"; }`

// guard is a process beside the plugin that kills a program's group when the
// plugin dies. The kernel's parent-death signal reaches the program only; what
// the program started would go on, and change things after the run has
// recorded an unknown outcome.
type guard struct {
	cmd  *osexec.Cmd
	pipe *os.File // closed by the kernel when the plugin dies
}

// newGuard starts a guard, which waits.
func newGuard() (*guard, error) {
	read, write, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("open a pipe: %w", err)
	}
	defer read.Close()
	g := &guard{pipe: write, cmd: &osexec.Cmd{Path: "/bin/sh", Args: []string{"sh", "-c", guardScript}, Env: []string{}, Dir: "/",
		// A group of its own: who kills the plugin's group leaves it alive.
		Stdin: read, SysProcAttr: &syscall.SysProcAttr{Setpgid: true}}}
	if err := g.cmd.Start(); err != nil {
		write.Close()
		return nil, fmt.Errorf("start /bin/sh to guard the program: %w", err)
	}
	return g, nil
}

// watch tells the guard which group to kill.
func (g *guard) watch(group int) { _, _ = fmt.Fprintln(g.pipe, group) }

// dismiss ends the guard; it kills nobody.
func (g *guard) dismiss() {
	_, _ = fmt.Fprint(g.pipe, "done\ndone\n") // twice: it may have been told no group
	g.pipe.Close()
	_ = g.cmd.Wait()
}
