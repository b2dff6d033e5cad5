package remote

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

const ini = `# the fleet
lonely ansible_host=192.0.2.9

[web]
web[01:03].example.org ansible_user=deploy  # three of them
web-x ansible_host="192.0.2.7" ansible_port=2222 zone='b c' ansible_become=no

[db]
db-[a:b]
db-b ansible_user=dba ansible_become_user=nobody

[web:vars]
ansible_user=www
ansible_become=true
role=frontend

[prod:children]
web
db   # both

[prod:vars]
ansible_user=ops
ansible_ssh_common_args='-o StrictHostKeyChecking=yes -o ProxyJump="bastion.example.org,ops@10.0.0.1:2200"'
env=prod
template={{ lookup }}
`

const yml = `all:
  vars: {ansible_user: root, env: test}
  hosts:
    lonely: {ansible_host: 192.0.2.9}
  children:
    prod:
      vars: {ansible_user: ops, env: prod, ansible_ssh_common_args: "-J bastion.example.org"}
      children:
        web:
          vars: {ansible_become: yes, ansible_become_user: www, retries: 3, nested: {a: 1}}
          hosts:
            web[01:03].example.org:
            web-x: {ansible_host: 192.0.2.7, ansible_port: 2222}
        db:
          hosts:
            db-a:
              ansible_user: dba
`

type obj = map[string]any

// configured reads a configuration after the checks of the host.
func configured(t *testing.T, config obj) (*settings, error) {
	t.Helper()
	checked, err := effect.CheckFields(Fields(), nil, config)
	if err != nil {
		t.Fatal(err)
	}
	return newSettings(checked)
}

func inventoryOf(t *testing.T, name, text string, more obj) (*settings, error) {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	config := obj{"inventory": file, "user": "me", "known_hosts": []any{}, "keys": []any{}}
	for k, v := range more {
		config[k] = v
	}
	return configured(t, config)
}

func summary(s *settings, name string) string {
	h := s.targets[name]
	if h == nil {
		return "none"
	}
	var labels []string
	for _, k := range sorted(h.Labels) {
		labels = append(labels, k+"="+h.Labels[k])
	}
	return fmt.Sprintf("%s@%s %s [%s] via %s sudo %s", h.user, h.Addr(), strings.Join(h.Groups, ","), strings.Join(labels, ","), strings.Join(h.via, ","), h.sudo)
}

func TestAnsibleInventory(t *testing.T) {
	for file, c := range map[string]struct {
		text string
		want map[string]string
	}{
		"hosts": {ini, map[string]string{
			"lonely":            "me@192.0.2.9:22  [] via  sudo ",
			"web02.example.org": "deploy@web02.example.org:22 prod,web [env=prod,role=frontend] via bastion.example.org,ops@10.0.0.1:2200 sudo root",
			"web-x":             "www@192.0.2.7:2222 prod,web [env=prod,role=frontend,zone=b c] via bastion.example.org,ops@10.0.0.1:2200 sudo ",
			"db-a":              "ops@db-a:22 db,prod [env=prod] via bastion.example.org,ops@10.0.0.1:2200 sudo ",
			"db-b":              "dba@db-b:22 db,prod [env=prod] via bastion.example.org,ops@10.0.0.1:2200 sudo ",
			"web04.example.org": "none",
		}},
		"hosts.yml": {yml, map[string]string{
			"lonely":            "root@192.0.2.9:22  [env=test] via  sudo ",
			"web03.example.org": "ops@web03.example.org:22 prod,web [env=prod,retries=3] via bastion.example.org sudo www",
			"web-x":             "ops@192.0.2.7:2222 prod,web [env=prod,retries=3] via bastion.example.org sudo www",
			"db-a":              "dba@db-a:22 db,prod [env=prod] via bastion.example.org sudo ",
		}},
	} {
		s, err := inventoryOf(t, file, c.text, nil)
		if err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		for name, want := range c.want {
			if got := summary(s, name); got != want {
				t.Errorf("%s: %s is\n%s, want\n%s", file, name, got, want)
			}
		}
	}
	s, err := inventoryOf(t, "hosts", ini, obj{"hosts": obj{"web-x": obj{"user": "own", "groups": []any{"canary"}, "via": []any{}}},
		"groups": obj{"canary": obj{"sudo": "canary", "labels": obj{"stage": "1"}}, "db": obj{"hosts": []any{"lonely"}}}})
	if err != nil {
		t.Fatal(err)
	}
	if got := summary(s, "web-x"); got != "own@192.0.2.7:2222 canary,prod,web [env=prod,role=frontend,stage=1,zone=b c] via  sudo canary" {
		t.Errorf("with runbook.yaml: %s", got)
	}
	if got := summary(s, "lonely"); !strings.Contains(got, " db,prod ") {
		t.Errorf("with runbook.yaml: %s", got)
	}
}

func TestBadInventories(t *testing.T) {
	for says, c := range map[string]struct{ file, text string }{
		"line 2: ansible_port=ssh is no port":       {"hosts", "[a]\nx ansible_port=ssh\n"},
		"line 1: a quote is not closed":             {"hosts", "x a='b\n"},
		"line 2: \"b\" sets no variable of x":       {"hosts", "[a]\nx b\n"},
		"[a:hosts] is no kind of section":           {"hosts", "[a:hosts]\n"},
		"\"web[3:1]\" holds no range":               {"hosts", "web[3:1]\n"},
		"ansible_host is a template":                {"hosts", "x ansible_host={{ip}}\n"},
		"it is a program, and programs are not run": {"hosts", "#!/usr/bin/python3\n"},
		"there is no host":                          {"hosts", "[a]\n"},
		"host b: via: there is no host \"nowhere\"": {"hosts", "b ansible_ssh_common_args=-Jnowhere\n"},
		"hosts.yml: yaml":                           {"hosts.yml", "all: [\n"},
		"host x: ansible_port=70000 is no port":     {"hosts.yml", "all: {hosts: {x: {ansible_port: 70000}}}\n"},
	} {
		_, err := inventoryOf(t, c.file, c.text, nil)
		if e := effect.AsError(err); e == nil || e.Code != effect.CodeInvalid || !strings.Contains(e.Message, says) {
			t.Errorf("got %v, want it to say %q", e, says)
		}
	}
}

// TestBastionIsNotBehindItself: what holds for all hosts does not make the way
// in go through itself.
func TestBastionIsNotBehindItself(t *testing.T) {
	s, err := configured(t, obj{"via": []any{"bastion"}, "user": "me", "keys": []any{}, "known_hosts": []any{}, "hosts": obj{"bastion": obj{}, "web": obj{}}})
	if err != nil {
		t.Fatal(err)
	}
	if len(s.targets["bastion"].via) != 0 || len(s.targets["web"].via) != 1 {
		t.Errorf("%s, %s", summary(s, "bastion"), summary(s, "web"))
	}
	_, err = configured(t, obj{"user": "me", "hosts": obj{"bastion": obj{"via": []any{"bastion"}}}})
	if e := effect.AsError(err); e == nil || e.Code != effect.CodeInvalid || !strings.Contains(e.Message, "through itself") {
		t.Errorf("got %v, want it to say %q", e, "through itself")
	}
}
