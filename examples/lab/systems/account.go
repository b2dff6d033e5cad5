package systems

import (
	"fmt"
	"os"
	"os/user"
	"strconv"
	"syscall"
)

// account is whom servers run as that refuse root.
type account struct {
	name     string
	uid, gid int
}

// unprivileged returns an account that is not root's: nil, that is whoever we
// are, unless we are root. missing says that there is none.
func unprivileged(names ...string) (as *account, missing *Missing) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	for _, name := range names {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, errUID := strconv.Atoi(u.Uid)
		gid, errGID := strconv.Atoi(u.Gid)
		if errUID == nil && errGID == nil {
			return &account{name, uid, gid}, nil
		}
	}
	return nil, &Missing{fmt.Sprintf("it refuses root, and there is none of the users %v", names), "start the lab as another user"}
}

func (a *account) credential() *syscall.Credential {
	return &syscall.Credential{Uid: uint32(a.uid), Gid: uint32(a.gid)}
}

// write writes a file that only the account can read.
func (a *account) write(path, text string) error {
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		return err
	}
	if a != nil {
		return os.Chown(path, a.uid, a.gid)
	}
	return nil
}

// mkdir makes directories that belong to the account.
func (a *account) mkdir(dirs ...string) error {
	for _, dir := range dirs {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return err
		}
		if a != nil {
			if err := os.Chown(dir, a.uid, a.gid); err != nil {
				return err
			}
		}
	}
	return nil
}
