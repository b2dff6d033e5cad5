package program

import (
	"maps"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// Of the environment in which runbook was started, a program sees what is
// named here, by the configuration or by the call, and nothing else: a run is
// carried on from other terminals and by other people.

// passed returns the variables that pass without being asked for: what says
// who and where a program is, and nothing that says what it acts upon.
func passed() []string {
	return []string{"PATH", "HOME", "USER", "LOGNAME", "LANG", "LC_*", "TZ", "TMPDIR"}
}

// wellKnown returns variables that decide on what well-known tools act, or as
// whom. That one of them is set and does not pass is said.
func wellKnown() []string {
	return []string{
		"KUBECONFIG", "KUBE_*", "HELM_*", "AWS_*", "AZURE_*", "ARM_*", "GOOGLE_*", "CLOUDSDK_*", "GCLOUD_*", "DIGITALOCEAN_*", "HCLOUD_*", "OS_*",
		"DOCKER_*", "COMPOSE_*", "PG*", "MYSQL_*", "REDISCLI_AUTH", "ETCDCTL_*", "VAULT_*", "CONSUL_*", "NOMAD_*", "TF_PLUGIN_*", "TF_DATA_DIR", "PULUMI_*", "ANSIBLE_*",
		"SSH_AUTH_SOCK", "GIT_SSH*", "GH_TOKEN", "GITHUB_TOKEN", "GITLAB_TOKEN", "SOPS_*", "KRB5CCNAME", "SSL_CERT_*", "VIRTUAL_ENV",
		"http_proxy", "https_proxy", "no_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY",
	}
}

// Own returns the variables that every program gets of the effect that it is
// run for; nobody else may set them.
func Own(key, run string, attempt int) map[string]string {
	return map[string]string{keyVariable: key, "RUNBOOK_RUN": run, "RUNBOOK_ATTEMPT": strconv.Itoa(max(attempt, 1))}
}

const keyVariable = "RUNBOOK_KEY"

// Inherited returns the variables of this process's environment that match one
// of the patterns.
func Inherited(patterns []string) map[string]string {
	env := map[string]string{}
	for _, kv := range os.Environ() {
		name, value, _ := strings.Cut(kv, "=")
		if name != "" && Matches(patterns, name) {
			env[name] = value
		}
	}
	return env
}

// Matches reports whether a variable is named by one of the patterns.
func Matches(patterns []string, name string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool {
		ok, _ := path.Match(p, name)
		return ok
	})
}

// CheckPass verifies what a configuration or a call wants to pass.
func CheckPass(patterns []string) error {
	for _, p := range patterns {
		if _, err := path.Match(p, ""); err != nil || p == "" || strings.ContainsAny(p, "=\x00") {
			return effect.Errorf(effect.CodeInvalid, "pass: %q is neither the name of an environment variable nor a pattern of one", p)
		}
	}
	return nil
}

// CheckEnv verifies the names and values of variables.
func CheckEnv(field string, env map[string]string) error {
	for _, name := range slices.Sorted(maps.Keys(env)) {
		switch {
		case name == "" || strings.ContainsAny(name, "=\x00"):
			return effect.Errorf(effect.CodeInvalid, "%s: %q is no name of an environment variable", field, name)
		case strings.ContainsRune(env[name], 0):
			return effect.Errorf(effect.CodeInvalid, "%s.%s: the value holds a NUL byte, which no environment can carry", field, name)
		}
		if _, taken := Own("", "", 0)[name]; taken {
			return effect.Errorf(effect.CodeInvalid, "%s.%s: every program gets this variable from runbook itself", field, name)
		}
	}
	return nil
}

// withheld returns the well-known variables that are set and that a program
// with this environment does not see.
func withheld(env map[string]string) []string {
	var names []string
	for _, name := range slices.Sorted(maps.Keys(Inherited(wellKnown()))) {
		if _, sees := env[name]; !sees {
			names = append(names, name)
		}
	}
	return names
}
