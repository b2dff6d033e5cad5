package postgres

import (
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"sort"
	"strconv"
	"strings"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	shared "github.com/q-ecosystem/runbook/plugins/internal/database"
)

// where returns the path of one of PostgreSQL's programs.
func (j *job) where(name string) (string, *effect.Error) {
	missing := func(where string) *effect.Error {
		return effect.Errorf(effect.CodeUnsupported, "%s is not %s; nothing was started", name, where).
			WithHint("install PostgreSQL of the servers' version here (Debian: postgresql), or say where it is: bin in the configuration of %s", j.backend)
	}
	if j.bin != "" {
		path := filepath.Join(j.bin, name)
		if _, err := os.Stat(path); err != nil {
			return "", missing("in " + j.bin)
		}
		return path, nil
	}
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/" + name)
	version := func(path string) float64 {
		v, _ := strconv.ParseFloat(strings.Split(path, "/")[4], 64)
		return v
	}
	sort.Slice(found, func(a, b int) bool { return version(found[a]) > version(found[b]) })
	if len(found) > 0 {
		return found[0], nil
	}
	path, err := exec.LookPath(name)
	if err != nil {
		return "", missing("on this machine")
	}
	return path, nil
}

// tool makes a command of one of PostgreSQL's programs.
func (j *job) tool(name string, args ...string) (*shared.Command, *effect.Error) {
	path, e := j.where(name)
	if e != nil {
		return nil, e
	}
	u, e := j.as()
	if e != nil {
		return nil, e
	}
	return &shared.Command{Argv: append([]string{path}, args...), Env: shared.Environment(), Dir: "/", User: u}, nil
}

// as returns whom the programs run as: nobody else unless we are root, which
// they refuse.
func (j *job) as() (*shared.User, *effect.Error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	u, err := user.Lookup(j.runAs)
	if err != nil {
		return nil, effect.Errorf(effect.CodeInvalid, "PostgreSQL's programs refuse root, and there is no user %s: %v; nothing was started", j.runAs, err).
			WithHint("name one in the configuration of %s: run_as", j.backend)
	}
	uid, _ := strconv.ParseUint(u.Uid, 10, 32)
	gid, _ := strconv.ParseUint(u.Gid, 10, 32)
	return &shared.User{UID: uint32(uid), GID: uint32(gid)}, nil
}

// environment returns how tools find a node. The password is in no argument,
// which everybody could read.
func (j *job) environment(n *node) []string {
	env := []string{"PGHOST=" + n.host, "PGPORT=" + n.port, "PGUSER=" + j.user, "PGDATABASE=" + or(j.name, j.user), "PGSSLMODE=" + j.tls,
		"PGAPPNAME=runbook", "PGCONNECT_TIMEOUT=" + strconv.Itoa(max(2, int(j.timeout.Seconds())))}
	if j.password != "" {
		env = append(env, "PGPASSWORD="+j.password)
	}
	if j.ca != "" {
		env = append(env, "PGSSLROOTCERT="+j.ca)
	}
	return env
}

// mkdir makes a directory that the tools can write.
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
