package haproxy

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// TestFullQueue: a socket whose queue is full is tried again until it has room.
func TestFullQueue(t *testing.T) {
	dir, err := os.MkdirTemp("", "rb")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "s")
	fd, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(fd)
	if err := syscall.Bind(fd, &syscall.SockaddrUnix{Name: path}); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Listen(fd, 0); err != nil {
		t.Fatal(err)
	}
	c, err := newClient(path, 10*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	first, err := c.dial(t.Context(), time.Now().Add(time.Second)) // fills the queue
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	if conn, err := c.dial(t.Context(), time.Now().Add(50*time.Millisecond)); err == nil {
		conn.Close()
		t.Skip("this system queues more connections than it was told")
	}
	got := make(chan error, 1)
	go func() {
		conn, err := c.dial(t.Context(), time.Now().Add(10*time.Second))
		if err == nil {
			conn.Close()
		}
		got <- err
	}()
	accepted, _, err := syscall.Accept(fd) // makes room
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(accepted)
	if err := <-got; err != nil {
		t.Errorf("the second connection: %v", err)
	}
}
