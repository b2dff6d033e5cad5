package lab

import (
	"context"
	"fmt"
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// port holds a loopback TCP port for as long as a service exists, also while
// nothing listens on it: connections are then refused, as those to a process
// that died, and nobody else is given the number.
type port struct {
	fd   int
	addr string // "127.0.0.1:41234"
}

// reservePort binds a port of the kernel's choice without listening on it.
func reservePort() (*port, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0)
	if err != nil {
		return nil, fmt.Errorf("reserve a port: %w", err)
	}
	unix.CloseOnExec(fd)
	p := &port{fd: fd}
	if err := p.bind(); err != nil {
		p.release()
		return nil, fmt.Errorf("reserve a port: %w", err)
	}
	return p, nil
}

func (p *port) bind() error {
	if err := reuse(p.fd); err != nil {
		return err
	}
	if err := unix.Bind(p.fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		return err
	}
	bound, err := unix.Getsockname(p.fd)
	if err != nil {
		return err
	}
	in4, ok := bound.(*unix.SockaddrInet4)
	if !ok {
		return fmt.Errorf("bound to a %T", bound)
	}
	p.addr = fmt.Sprintf("127.0.0.1:%d", in4.Port)
	return nil
}

// listen opens a listener on the held port.
func (p *port) listen(ctx context.Context) (net.Listener, error) {
	lc := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		var inner error
		if err := c.Control(func(fd uintptr) { inner = reuse(int(fd)) }); err != nil {
			return err
		}
		return inner
	}}
	return lc.Listen(ctx, "tcp4", p.addr)
}

// release gives the port back.
func (p *port) release() { _ = unix.Close(p.fd) }

func reuse(fd int) error {
	return unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1)
}
