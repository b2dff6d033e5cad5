package mariadb

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"

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
	if j.absent != nil {
		return nil, j.absent
	}
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
	return shared.RunAs("MariaDB's servers", j.runAs, "mariadb")
}

// mkdir makes a directory that the servers of copies can write.
func (j *job) mkdir(dir string) *effect.Error {
	u, e := j.as()
	if e != nil {
		return e
	}
	return u.MakeDir(dir)
}
