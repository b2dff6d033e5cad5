package kubernetes

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"strings"
	"sync/atomic"
	"testing"

	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins"
)

// victimEnv makes this binary a process that carries one request out, and is
// killed meanwhile.
const victimEnv = "RUNBOOK_TEST_VICTIM"

type order struct {
	Config obj
	Op     string
	Args   obj
	Key    string
}

func victim(text string) {
	var o order
	if err := json.Unmarshal([]byte(text), &o); err != nil {
		panic(err)
	}
	b := New()
	if err := b.Configure(context.Background(), o.Config); err != nil {
		panic(err)
	}
	_, _ = b.Invoke(context.Background(), plugins.Request{Op: o.Op, Args: o.Args, Key: o.Key, Run: "run-1", Attempt: 1})
	os.Exit(0)
}

// TestPage: the page's configuration is one, and the page names every key.
func TestPage(t *testing.T) {
	page, err := os.ReadFile("../../../docs/backends/kubernetes.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(page), "```yaml\n")
	text, _, _ := strings.Cut(rest, "\n```")
	var config struct {
		Environments map[string]map[string]obj
	}
	if err := yaml.Unmarshal([]byte(text), &config); err != nil {
		t.Fatal(err)
	}
	entry := config.Environments["default"]["deploy"]
	if entry["backend"] != "kubernetes" {
		t.Fatalf("the page configures %v", entry)
	}
	delete(entry, "backend")
	if _, err := effect.CheckFields(fields(), nil, entry); err != nil {
		t.Error(err)
	}
	for _, f := range fields() {
		if !strings.Contains(string(page), "`"+f.Name+"`") {
			t.Errorf("the page does not name %s", f.Name)
		}
	}
}

// fromPage reads the manifest of that kind from the page.
func fromPage(t *testing.T, kind string, into any) {
	t.Helper()
	page, err := os.ReadFile("../../../docs/backends/kubernetes.md")
	if err != nil {
		t.Fatal(err)
	}
	head := "apiVersion: rbac.authorization.k8s.io/v1\nkind: " + kind + "\n"
	_, rest, found := strings.Cut(string(page), "```yaml\n"+head)
	text, _, ended := strings.Cut(rest, "\n```")
	if !found || !ended {
		t.Fatalf("the page has no %s", kind)
	}
	if err := yaml.UnmarshalStrict([]byte(head+text), into); err != nil {
		t.Fatal(err)
	}
}

// grantNodes gives the user runbook the rights that the page names for nodes.
func (s *shop) grantNodes(t *testing.T) {
	t.Helper()
	var role rbacv1.ClusterRole
	fromPage(t, "ClusterRole", &role)
	role.Name = s.namespace
	if _, err := s.client.RbacV1().ClusterRoles().Create(t.Context(), &role, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	binding := &rbacv1.ClusterRoleBinding{ObjectMeta: metav1.ObjectMeta{Name: s.namespace}, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: role.Name},
		Subjects: []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: "User", Name: "runbook"}}}
	if _, err := s.client.RbacV1().ClusterRoleBindings().Create(t.Context(), binding, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	until(t, "the rights on nodes", func() bool {
		_, e := invoke(t, configured(t, s.config()), "nodes", obj{})
		return e == nil
	})
}

// grant gives the user runbook the rights that the page names.
func (s *shop) grant(t *testing.T) {
	t.Helper()
	var role rbacv1.Role
	fromPage(t, "Role", &role)
	role.Namespace = s.namespace
	if _, err := s.client.RbacV1().Roles(s.namespace).Create(t.Context(), &role, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	binding := &rbacv1.RoleBinding{ObjectMeta: metav1.ObjectMeta{Name: "runbook"}, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: role.Name},
		Subjects: []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: "User", Name: "runbook"}}}
	if _, err := s.client.RbacV1().RoleBindings(s.namespace).Create(t.Context(), binding, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	until(t, "the rights", func() bool {
		b := configured(t, s.config())
		_, e := invoke(t, b, "status", obj{"env": "green"})
		return e == nil
	})
}

func insecure() *tls.Config { return &tls.Config{InsecureSkipVerify: true} } //nolint:gosec // loopback, in tests

func with(one, other obj) obj {
	out := maps.Clone(one)
	maps.Copy(out, other)
	return out
}

func configured(t *testing.T, config obj) *Backend {
	t.Helper()
	b := New()
	checked, err := effect.CheckFields(b.Describe().Config, nil, config)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Configure(t.Context(), checked); err != nil {
		t.Fatal(err)
	}
	return b
}

// bounded is a context for one call.
func bounded(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

var effects atomic.Int64

// request makes a request as the engine does, under a key of its own.
func request(t *testing.T, op string, args obj) plugins.Request {
	t.Helper()
	for _, o := range New().Describe().Ops {
		if o.Name == op {
			checked, err := o.Check(args)
			if err != nil {
				t.Fatalf("%s %v: %v", op, args, err)
			}
			return plugins.Request{Op: op, Args: checked, Key: fmt.Sprint(t.Name(), "-", effects.Add(1)), Run: "run-1", Attempt: 1, Progress: func(string) {}}
		}
	}
	t.Fatalf("no op %s", op)
	return plugins.Request{}
}

func invoke(t *testing.T, b *Backend, op string, args obj) (obj, *effect.Error) {
	t.Helper()
	v, err := b.Invoke(bounded(t), request(t, op, args))
	m, _ := v.(obj)
	return m, effect.AsError(err)
}

func must(t *testing.T, b *Backend, op string, args obj) obj {
	t.Helper()
	v, e := invoke(t, b, op, args)
	if e != nil {
		t.Fatalf("%s %v: %v (%s)", op, args, e, e.Hint)
	}
	return v
}

func fails(t *testing.T, e *effect.Error, code effect.Code, says ...string) {
	t.Helper()
	if e == nil || e.Code != code {
		t.Errorf("got %v, want the code %s", e, code)
		return
	}
	for _, s := range says {
		if !strings.Contains(e.Message+" | "+e.Hint, s) {
			t.Errorf("%q (hint %q) does not say %q", e.Message, e.Hint, s)
		}
	}
}
