//go:build unix

package database

import (
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// freeSpace returns the bytes that a file system has left for us.
func freeSpace(dir string) (int64, bool) {
	var s unix.Statfs_t
	if unix.Statfs(dir, &s) != nil {
		return 0, false
	}
	return int64(s.Bavail) * int64(s.Bsize), true
}

// Likewise gives a file the rights of another, and its owner if we may.
func Likewise(f *os.File, like os.FileInfo) error {
	if s, ok := like.Sys().(*syscall.Stat_t); ok && os.Geteuid() == 0 {
		if err := f.Chown(int(s.Uid), int(s.Gid)); err != nil {
			return err
		}
	}
	return f.Chmod(like.Mode().Perm())
}

// Inode identifies a file, whatever it is called.
func Inode(file string) (id, device uint64, err error) {
	info, err := os.Stat(file)
	if err != nil {
		return 0, 0, err
	}
	s := info.Sys().(*syscall.Stat_t)
	return s.Ino, uint64(s.Dev), nil
}
