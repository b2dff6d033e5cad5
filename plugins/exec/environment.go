package exec

import (
	"maps"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins"
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

// own returns the variables that every program gets of this call; nobody else
// may set them.
func own(req plugins.Request) map[string]string {
	return map[string]string{"RUNBOOK_KEY": req.Key, "RUNBOOK_RUN": req.Run, "RUNBOOK_ATTEMPT": strconv.Itoa(max(req.Attempt, 1))}
}

// inherited returns the variables of this process's environment that match one
// of the patterns.
func inherited(patterns []string) map[string]string {
	env := map[string]string{}
	for _, kv := range os.Environ() {
		name, value, _ := strings.Cut(kv, "=")
		if name != "" && matches(patterns, name) {
			env[name] = value
		}
	}
	return env
}

// matches reports whether a variable is named by one of the patterns.
func matches(patterns []string, name string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool {
		ok, _ := path.Match(p, name)
		return ok
	})
}

// checkPass verifies what a configuration or a call wants to pass.
func checkPass(patterns []string) error {
	for _, p := range patterns {
		if _, err := path.Match(p, ""); err != nil || p == "" || strings.ContainsAny(p, "=\x00") {
			return effect.Errorf(effect.CodeInvalid, "pass: %q is neither the name of an environment variable nor a pattern of one", p)
		}
	}
	return nil
}

// unset returns the first of the names that is no pattern and not set.
func unset(names []string) (string, bool) {
	for _, name := range names {
		if _, ok := os.LookupEnv(name); !ok && !strings.ContainsAny(name, "*?[") {
			return name, true
		}
	}
	return "", false
}

// withheld returns the well-known variables that are set and that a program
// with this environment does not see.
func withheld(env map[string]string, known []string) []string {
	var names []string
	for _, name := range slices.Sorted(maps.Keys(inherited(known))) {
		if _, sees := env[name]; !sees {
			names = append(names, name)
		}
	}
	return names
}

// dangerous returns the variables by which a program is made to run another,
// or to load code: the loader's, the shells', the interpreters', the hooks of
// common tools, and what decides where programs and their settings are found.
func dangerous() []string {
	return []string{
		"LD_*", "DYLD_*", "GCONV_PATH", "LOCPATH", "NLSPATH", "GLIBC_TUNABLES", "MALLOC_*",
		"PATH", "HOME", "XDG_CONFIG_*", "XDG_DATA_*", "SHELL",
		"ENV", "BASH_*", "BASHOPTS", "SHELLOPTS", "PS[0-4]", "PROMPT_COMMAND", "IFS", "CDPATH", "FPATH", "ZDOTDIR", "KSH_*",
		"PYTHON*", "PERL*", "RUBY*", "GEM_*", "BUNDLE_*", "NODE_*", "NPM_*", "npm_*", "LUA_*", "PHP*", "TCL*", "R_*", "JULIA_*",
		"JAVA_*", "_JAVA_*", "JDK_*", "CLASSPATH", "MAVEN_*", "GRADLE_*", "ANT_*", "DOTNET_*", "CORECLR_*", "COR_*", "GO*", "CARGO_*", "RUST*",
		"GIT_*", "SSH_ASKPASS*", "SUDO_*", "EDITOR", "VISUAL", "*PAGER", "*_EDITOR", "BROWSER", "LESS*", "TAR_OPTIONS", "RSYNC_*", "CVS_*", "SVN_*",
		"MAKE*", "GNUMAKEFLAGS", "MFLAGS", "CC", "CXX", "OPENSSL_*", "GTK_*", "QT_*", "TERMINFO*", "TERMCAP", "PAGER", "ANSIBLE_*", "TF_CLI_*", "KUBECTL_*",
	}
}

// leading returns the variables that lead a program to settings of whoever gives
// their value, and settings can name programs: credential helpers, plugins,
// start-up files, commands by which a password is asked for. Those of runbook's
// own environment may pass.
func leading() []string {
	return []string{
		"*_COMMAND", "*_CMD", "*_PASSCOMMAND", "*_RSH", "*_SSH", "*_SHELL", "*_EXEC", "*_HOOK", "*_HOOKS", "*ASKPASS*", "*_OPTS", "*_PRELOAD", "*_PROXY_COMMAND",
		"KUBECONFIG", "HELM_PLUGINS", "HELM_*_HOME", "HELM_BIN", "DOCKER_CONFIG", "DOCKER_HOST", "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE", "AZURE_*_DIR", "CLOUDSDK_CONFIG", "CLOUDSDK_PYTHON*",
		"GOOGLE_APPLICATION_CREDENTIALS", "GOOGLE_EXTERNAL_*", "TF_*", "PULUMI_HOME", "COMPOSER_*", "GNUPGHOME", "DBUS_*", "SSH_SK_*", "KRB5_*", "GSS_*", "SASL_*", "ODBC*",
		"PSQLRC", "PSQL_*", "PGSYSCONFDIR", "PGSERVICEFILE", "MYSQL_HOME", "WGETRC", "CURL_HOME", "LYNX_CFG", "INPUTRC", "SCREENRC", "HGRCPATH", "HG", "HG_*", "BORG_*_PATH",
		"RCLONE_CONFIG*", "RIPGREP_CONFIG_PATH", "FZF_*", "VIM*", "GVIM*", "EXINIT", "MYVIMRC", "EMACS*", "AWKPATH", "AWKLIBPATH", "ZIPOPT", "UNZIP*", "MANOPT",
		"GROFF_*", "TEXINPUTS", "PYENV_*", "RBENV_*", "NVM_*", "ASDF_*", "SDKMAN_*", "ELECTRON_*", "ERL_*", "SYSTEMD_*", "NOTIFY_SOCKET", "LD_*", "COMPILER_PATH", "LIBRARY_PATH",
	}
}

// checkEnv verifies the names and values of variables.
func checkEnv(field string, env map[string]string) error {
	for _, name := range slices.Sorted(maps.Keys(env)) {
		switch {
		case name == "" || strings.ContainsAny(name, "=\x00"):
			return effect.Errorf(effect.CodeInvalid, "%s: %q is no name of an environment variable", field, name)
		case strings.ContainsRune(env[name], 0):
			return effect.Errorf(effect.CodeInvalid, "%s.%s: the value holds a NUL byte, which no environment can carry", field, name)
		}
		if _, taken := own(plugins.Request{})[name]; taken {
			return effect.Errorf(effect.CodeInvalid, "%s.%s: every program gets this variable from runbook itself", field, name)
		}
	}
	return nil
}
