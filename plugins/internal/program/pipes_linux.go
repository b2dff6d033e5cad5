package program

import (
	"errors"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// pipes are a program's standard output and error, read in the order in which
// it wrote to them.
//
// Each holds one write at a time: they are in packet mode and one page long,
// so that whoever writes on waits until what was written before is read. At
// most one write of either is unread then, and of two that are, the kernel's
// list of what became ready says which came first.
type pipes struct {
	read   [2]int
	write  [2]*os.File // the program's ends
	poll   int
	single bool // each holds one write at a time
	wake   *os.File
	woken  int // the other end of wake
}

func newPipes() (p *pipes, err error) {
	p = &pipes{read: [2]int{-1, -1}, poll: -1, woken: -1, single: true}
	defer func() {
		if err != nil {
			p.close()
		}
	}()
	if p.poll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return p, os.NewSyscallError("epoll_create1", err)
	}
	for i := range p.read {
		var fds [2]int
		if unix.Pipe2(fds[:], unix.O_CLOEXEC|unix.O_DIRECT) != nil {
			p.single = false
			if err = unix.Pipe2(fds[:], unix.O_CLOEXEC); err != nil {
				return p, os.NewSyscallError("pipe2", err)
			}
		}
		p.read[i], p.write[i] = fds[0], os.NewFile(uintptr(fds[1]), "|")
		size, sizeErr := unix.FcntlInt(uintptr(fds[0]), unix.F_SETPIPE_SZ, os.Getpagesize())
		p.single = p.single && sizeErr == nil && size == os.Getpagesize()
		if err = p.watch(fds[0], int32(i)); err != nil {
			return p, err
		}
	}
	var fds [2]int
	if err = unix.Pipe2(fds[:], unix.O_CLOEXEC); err != nil {
		return p, os.NewSyscallError("pipe2", err)
	}
	p.woken, p.wake = fds[0], os.NewFile(uintptr(fds[1]), "|")
	return p, p.watch(p.woken, 2)
}

func (p *pipes) watch(fd int, as int32) error {
	if err := unix.SetNonblock(fd, true); err != nil {
		return os.NewSyscallError("fcntl", err)
	}
	// Edges and not levels: a level that was told stays in the kernel's list,
	// before what came after it.
	ev := unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLET, Fd: as}
	return os.NewSyscallError("epoll_ctl", unix.EpollCtl(p.poll, unix.EPOLL_CTL_ADD, fd, &ev))
}

// started lets go of the program's ends.
func (p *pipes) started() { closeAll(p.write[:]...) }

// exited says that the program is gone: what is left is read, and children
// that hold the pipes open are not waited for.
func (p *pipes) exited() { p.wake.Close() }

// readAll hands on what is written until nobody can write any more, or, after
// exited, nobody does.
func (p *pipes) readAll(take func(stream int, data []byte)) {
	buf := make([]byte, 64<<10)
	open := [2]bool{true, true}
	var end time.Time // when to give up; zero while the program runs
	events := make([]unix.EpollEvent, 3)
	for open[0] || open[1] {
		wait := -1
		if !end.IsZero() {
			left := time.Until(end)
			if left <= 0 {
				return
			}
			wait = int(min(idleWait, left).Milliseconds()) + 1
		}
		n, err := unix.EpollWait(p.poll, events, wait)
		if err != nil && err != unix.EINTR || n == 0 && wait >= 0 {
			return
		}
		for _, ev := range events[:max(n, 0)] {
			if ev.Fd == 2 {
				if end.IsZero() {
					end = time.Now().Add(lingerWait)
				}
				continue
			}
			once := p.single && ev.Events&unix.EPOLLHUP == 0
			if !p.drain(int(ev.Fd), buf, once, take) {
				open[ev.Fd] = false
			}
		}
	}
}

// drain reads one write, or all there are; false says that there will be no
// more.
func (p *pipes) drain(stream int, buf []byte, once bool, take func(int, []byte)) bool {
	for {
		n, err := unix.Read(p.read[stream], buf)
		switch {
		case err == unix.EINTR:
			continue
		case errors.Is(err, syscall.EAGAIN):
			return true
		case err != nil || n == 0:
			return false
		}
		take(stream, buf[:n])
		if once {
			return true
		}
	}
}

func (p *pipes) close() {
	closeAll(p.write[:]...)
	closeAll(p.wake)
	for _, fd := range []int{p.read[0], p.read[1], p.poll, p.woken} {
		if fd >= 0 {
			_ = unix.Close(fd)
		}
	}
}
