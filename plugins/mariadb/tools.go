package mariadb

import (
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	shared "github.com/q-ecosystem/runbook/plugins/internal/database"
)

// where returns the path of one of MariaDB's programs.
func (j *job) where(name string) (string, *effect.Error) {
	missing := func(where string) *effect.Error {
		return effect.Errorf(effect.CodeUnsupported, "%s is not %s; nothing was started", name, where).
			WithHint("install MariaDB of the server's version here (Debian: mariadb-server), or say where it is: bin in the configuration of mariadb")
	}
	if j.bin != "" {
		path := filepath.Join(j.bin, name)
		if _, err := os.Stat(path); err != nil {
			return "", missing("in " + j.bin)
		}
		return path, nil
	}
	if path, err := exec.LookPath(name); err == nil {
		return path, nil
	}
	if path := filepath.Join("/usr/sbin", name); shared.Exists(path) {
		return path, nil
	}
	return "", missing("on this machine")
}

// tool makes a command of one of MariaDB's programs, which reads no
// configuration of its own.
func (j *job) tool(name string, args ...string) (*shared.Command, *effect.Error) {
	path, e := j.where(name)
	if e != nil {
		return nil, e
	}
	return &shared.Command{Argv: append([]string{path, "--no-defaults"}, args...), Env: shared.Environment("TZ=UTC"), Dir: "/"}, nil
}

// toServer makes a command of a client of the live server. The password is in
// no argument, which everybody could read.
func (j *job) toServer(name string, args ...string) (*shared.Command, *effect.Error) {
	to := []string{"--user=" + j.user}
	if j.network == "unix" {
		to = append(to, "--protocol=socket", "--socket="+j.address)
	} else {
		host, port, _ := net.SplitHostPort(j.address)
		to = append(to, "--protocol=tcp", "--host="+host, "--port="+port)
	}
	if j.tls != "disable" {
		to = append(to, "--ssl")
	}
	if j.tls == "verify-full" {
		to = append(to, "--ssl-verify-server-cert")
		if j.ca != "" {
			to = append(to, "--ssl-ca="+j.ca)
		}
	}
	c, e := j.tool(name, append(to, args...)...)
	if e == nil && j.password != "" {
		c.Env = append(c.Env, "MYSQL_PWD="+j.password)
	}
	return c, e
}

// as returns whom the servers of copies run as: nobody else unless we are root,
// which they refuse.
func (j *job) as() (*shared.User, *effect.Error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	u, err := user.Lookup(j.runAs)
	if err != nil {
		return nil, effect.Errorf(effect.CodeInvalid, "MariaDB's server refuses root, and there is no user %s: %v; nothing was started", j.runAs, err).
			WithHint("name one in the configuration of mariadb: run_as")
	}
	uid, _ := strconv.ParseUint(u.Uid, 10, 32)
	gid, _ := strconv.ParseUint(u.Gid, 10, 32)
	return &shared.User{UID: uint32(uid), GID: uint32(gid)}, nil
}

// mkdir makes a directory that the servers of copies can write.
func (j *job) mkdir(dir string) *effect.Error {
	u, e := j.as()
	if e != nil {
		return e
	}
	_, err := os.Stat(dir)
	fresh := os.IsNotExist(err)
	if err = os.MkdirAll(dir, 0o700); err == nil && fresh && u != nil {
		err = os.Chown(dir, int(u.UID), int(u.GID))
	}
	if err != nil {
		return effect.Errorf(effect.CodeRefused, "%s cannot be made: %v; nothing was started", dir, err).WithHint("create it, and let the user %s write there", j.runAs)
	}
	return nil
}

// failedTool returns the error for a program that did not do its work.
func (j *job) failedTool(what, said string, err error) *effect.Error {
	if j.Ctx.Err() != nil {
		return j.Ended(what)
	}
	if said != "" {
		said = ": " + said
	}
	return effect.Errorf(effect.CodeFailed, "%s failed (%v)%s; nothing was left of it", what, err, j.hide(said))
}
