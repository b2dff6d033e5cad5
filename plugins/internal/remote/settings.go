package remote

import (
	"cmp"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	contract "github.com/q-ecosystem/runbook/stdlib/hosts"
)

// settings is what a configuration says of hosts and of the way to them.
type settings struct {
	targets    map[string]*Host // by name
	knownHosts []string
	agent      string // its socket; "" for none
	passphrase string
	connect    time.Duration
	keepalive  time.Duration
	reconnect  time.Duration
}

// Host is a host with all that is needed to reach it.
type Host struct {
	contract.Host
	access
	port int
}

// access is how a host is logged in to; what is empty is left to what is less
// particular.
type access struct {
	user string
	keys []string
	via  []string // hosts to go through, in order
	sudo string   // the user to become; "" for none
	// become and becomeUser are Ansible's words for sudo: whether ("true", "false"),
	// and as whom.
	become, becomeUser string
	state              string // the directory of the records there
}

// or fills in what a leaves open.
func (a access) or(b access) access {
	if a.keys == nil {
		a.keys = b.keys
	}
	if a.via == nil {
		a.via = b.via
	}
	return access{user: cmp.Or(a.user, b.user), keys: a.keys, via: a.via, sudo: cmp.Or(a.sudo, b.sudo), state: cmp.Or(a.state, b.state),
		become: cmp.Or(a.become, b.become), becomeUser: cmp.Or(a.becomeUser, b.becomeUser)}
}

// Fields declares the part of a configuration that Open reads.
func Fields() []effect.Field {
	text := func(name, doc string) effect.Field {
		return effect.Field{Name: name, Type: effect.String, Min: effect.Bound(1), Doc: doc}
	}
	paths := func(name, doc string) effect.Field {
		return effect.Field{Name: name, Type: effect.List, Elem: &effect.Field{Type: effect.String, Min: effect.Bound(1), Path: effect.IsPath}, Doc: doc}
	}
	texts := func(name, doc string) effect.Field {
		return effect.Field{Name: name, Type: effect.List, Elem: &effect.Field{Type: effect.String, Min: effect.Bound(1)}, Doc: doc}
	}
	labels := effect.Field{Name: "labels", Type: effect.Map, Elem: &effect.Field{Type: effect.String}, Doc: `its labels: { role: db }`}
	port := effect.Field{Name: "port", Type: effect.Int, Min: effect.Bound(1), Max: effect.Bound(65535), Doc: "where sshd listens; 22 if left out"}
	common := []effect.Field{text("user", "whom to log in as; who runs runbook if left out"),
		paths("keys", "private keys, each with its certificate (KEY-cert.pub) if there is one; the usual ones below ~/.ssh if left out"),
		texts("via", "hosts to go through, in order: names of the inventory, or user@address:port; [] for none"),
		text("sudo", "the user to become by sudo, without a password: root; none if left out"),
		text("state", "an absolute path there, below which the records of commands are kept; ~/.local/state/runbook if left out")}
	with := func(more ...effect.Field) []effect.Field { return append(more, common...) }
	return append([]effect.Field{
		{Name: "hosts", Type: effect.Map, Doc: "the hosts, by name", Elem: &effect.Field{Type: effect.Object, Fields: with(
			text("address", "its name in DNS or its address; the name of the host if left out"), port, texts("groups", "the groups it is in"), labels)}},
		{Name: "groups", Type: effect.Map, Doc: "what holds for the hosts of a group; what a host says itself goes before it", Elem: &effect.Field{Type: effect.Object, Fields: with(
			texts("hosts", "names of hosts that are in it, beside those that say so"), port, labels)}},
		{Name: "inventory", Type: effect.String, Min: effect.Bound(1), Path: effect.IsPath, Doc: "an inventory file of Ansible, in INI or YAML, beside these hosts"},
		paths("known_hosts", "files of the hosts' keys and authorities, as ssh has them; ~/.ssh/known_hosts and /etc/ssh/ssh_known_hosts if left out"),
		{Name: "agent", Type: effect.String, Path: effect.IsPath, Doc: `the socket of an SSH agent; that of SSH_AUTH_SOCK if left out, none if ""`},
		{Name: "passphrase", Type: effect.String, Secret: true, Doc: "of private keys that have one"},
		{Name: "connect_timeout", Type: effect.Duration, Default: "10s", Min: effect.Bound(0.001), Doc: "how long a connection to one host may take, login included"},
		{Name: "keepalive", Type: effect.Duration, Default: "15s", Min: effect.Bound(0.05), Doc: "how often a connection is asked for a sign of life; without any for three times as long it counts as broken"},
		{Name: "reconnect", Type: effect.Duration, Default: "30s", Doc: "for how long a host that cannot be reached is tried again when it is asked what came of a call"},
	}, common...)
}

func invalid(format string, args ...any) *effect.Error {
	return effect.Errorf(effect.CodeInvalid, "configure ssh: "+format, args...)
}

func newSettings(config map[string]any) (*settings, error) {
	s := &settings{passphrase: str(config["passphrase"]), agent: os.Getenv("SSH_AUTH_SOCK")}
	if agent, given := config["agent"].(string); given {
		s.agent = agent
	}
	for name, into := range map[string]*time.Duration{"connect_timeout": &s.connect, "keepalive": &s.keepalive, "reconnect": &s.reconnect} {
		seconds, _ := config[name].(float64)
		*into = effect.Seconds(seconds)
	}
	home, _ := os.UserHomeDir()
	s.knownHosts = list(config["known_hosts"])
	if s.knownHosts == nil {
		for _, file := range []string{filepath.Join(home, ".ssh", "known_hosts"), "/etc/ssh/ssh_known_hosts"} {
			if _, err := os.Stat(file); err == nil {
				s.knownHosts = append(s.knownHosts, file)
			}
		}
	}
	preset := access{user: currentUser(), via: []string{}}
	for _, name := range []string{"id_ed25519", "id_ecdsa", "id_rsa"} {
		if file := filepath.Join(home, ".ssh", name); home != "" {
			if _, err := os.Stat(file); err == nil {
				preset.keys = append(preset.keys, file)
			}
		}
	}
	inv := newInventory()
	if file := str(config["inventory"]); file != "" {
		if err := inv.readAnsible(file); err != nil {
			return nil, err
		}
	}
	inv.takeConfig(config)
	var err error
	if s.targets, err = inv.targets(accessOf(config).or(preset)); err != nil {
		return nil, err
	}
	return s, nil
}

func currentUser() string {
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return os.Getenv("USER")
}

func accessOf(c map[string]any) access {
	return access{user: str(c["user"]), keys: list(c["keys"]), via: list(c["via"]), sudo: str(c["sudo"]), state: str(c["state"])}
}

// check reports what is wrong with a host.
func (t *Host) check(all map[string]*Host) error {
	switch {
	case t.user == "":
		return invalid("host %s: nobody says whom to log in as", t.Name).WithHint("add user:")
	case t.state != "" && (!strings.HasPrefix(t.state, "/") || strings.ContainsAny(t.state, "\x00\n")):
		return invalid("host %s: state: %q is no absolute path", t.Name, t.state)
	case strings.HasPrefix(t.user, "-") || strings.HasPrefix(t.sudo, "-") || strings.HasPrefix(t.Address, "-"):
		return invalid("host %s: a user or an address begins with a dash", t.Name)
	}
	for _, hop := range t.via {
		if _, known := all[hop]; !known && !strings.ContainsAny(hop, "@:.") {
			return invalid("host %s: via: there is no host %q", t.Name, hop).WithHint("name a host of the inventory, or write user@address:port")
		}
		if hop == t.Name {
			return invalid("host %s is to be reached through itself", t.Name).WithHint("give it via: []")
		}
	}
	return nil
}

func str(v any) string {
	s, _ := v.(string)
	return s
}

// list reads a canonical list of strings; nil if there is none.
func list(v any) []string {
	l, given := v.([]any)
	if !given {
		return nil
	}
	out := make([]string, 0, len(l))
	for _, e := range l {
		out = append(out, str(e))
	}
	return out
}

func table(m map[string]any, name string) map[string]any {
	t, _ := m[name].(map[string]any)
	return t
}

// texts reads a canonical map of strings.
func texts(v any) map[string]string {
	m, _ := v.(map[string]any)
	out := make(map[string]string, len(m))
	for name, value := range m {
		out[name] = str(value)
	}
	return out
}

func sorted[V any](m map[string]V) []string {
	names := make([]string, 0, len(m))
	for n := range m {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}
