package exec

import (
	"os"
	"strings"
)

// unset returns the first of the names that is no pattern and not set.
func unset(names []string) (string, bool) {
	for _, name := range names {
		if _, ok := os.LookupEnv(name); !ok && !strings.ContainsAny(name, "*?[") {
			return name, true
		}
	}
	return "", false
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
