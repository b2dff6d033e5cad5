package main

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"syscall"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/sys/unix"
)

// terminal runs a program on a terminal of so many columns, and writes what
// the terminal received into a file:
//
//	terminal 80 screen runbook show latest
//
// With -type, a line is typed each time that the screen shows a text anew:
//
//	terminal 80 screen -type 'y to agree' y -type 'y to agree' n runbook run ask.lua
func terminal(ts *testscript.TestScript, neg bool, args []string) {
	var typing [][2]string
	for len(args) > 5 && args[2] == "-type" {
		typing = append(typing, [2]string{args[3], args[4]})
		args = slices.Delete(args, 2, 5)
	}
	if neg || len(args) < 3 {
		ts.Fatalf("usage: terminal COLUMNS FILE [-type TEXT LINE]… PROGRAM ARGS…")
	}
	columns, err := strconv.ParseUint(args[0], 10, 16)
	ts.Check(err)
	master, slave, err := openTerminal(uint16(columns))
	ts.Check(err)
	defer master.Close()
	cmd := exec.Command(lookPath(ts, args[2]), args[3:]...)
	cmd.Dir, cmd.Env = ts.Getenv("WORK"), environ(ts)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = slave, slave, slave
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	ts.Check(cmd.Start())
	ts.Check(slave.Close())
	var screen bytes.Buffer
	seen := 0 // how much of the screen was answered
	for buf := make([]byte, 4096); ; {
		n, err := master.Read(buf)
		screen.Write(buf[:n])
		if errors.Is(err, syscall.EIO) { // a terminal's end
			break
		}
		ts.Check(err)
		if len(typing) == 0 {
			continue
		}
		if at := bytes.Index(screen.Bytes()[seen:], []byte(typing[0][0])); at >= 0 {
			_, err := master.WriteString(typing[0][1] + "\n")
			ts.Check(err)
			seen += at + len(typing[0][0])
			typing = typing[1:]
		}
	}
	err = cmd.Wait()
	ts.Logf("[terminal: %v]\n%s", err, screen.Bytes())
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), bytes.ReplaceAll(screen.Bytes(), []byte("\r\n"), []byte("\n")), 0o600))
}

// openTerminal makes a pseudo-terminal.
func openTerminal(columns uint16) (master, slave *os.File, err error) {
	master, err = os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		return nil, nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, master.Close())
		}
	}()
	fd := int(master.Fd())
	if err = unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		return nil, nil, err
	}
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err != nil {
		return nil, nil, err
	}
	if err = unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: 40, Col: columns}); err != nil {
		return nil, nil, err
	}
	slave, err = os.OpenFile("/dev/pts/"+strconv.Itoa(n), os.O_RDWR|unix.O_NOCTTY, 0)
	return master, slave, err
}
