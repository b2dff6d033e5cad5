package postgres

import (
	"os"
	"os/exec"
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
	return shared.RunAs("PostgreSQL's programs", j.runAs, j.backend)
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
	return u.MakeDir(dir)
}
