package kubernetes

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/client-go/util/retry"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	contract "github.com/q-ecosystem/runbook/stdlib/deploy"
)

// node returns the name of one of the shop's nodes.
func (s *shop) node(name string) string { return s.namespace + "-" + name }

// addNodes makes nodes of the shop's own. They are ready, which nobody but a
// kubelet would see to.
func (s *shop) addNodes(t *testing.T, names ...string) {
	t.Helper()
	for _, name := range names {
		n, err := s.client.CoreV1().Nodes().Create(t.Context(), &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: s.node(name), Labels: map[string]string{"shop": s.namespace}}}, metav1.CreateOptions{})
		if err != nil {
			t.Fatal(err)
		}
		n.Status.Conditions = []corev1.NodeCondition{{Type: corev1.NodeReady, Status: corev1.ConditionTrue}}
		if _, err := s.client.CoreV1().Nodes().UpdateStatus(t.Context(), n, metav1.UpdateOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() {
		for _, name := range names {
			_ = s.client.CoreV1().Nodes().Delete(context.Background(), s.node(name), metav1.DeleteOptions{})
		}
	})
}

// runOnNodes lets an environment run so many pods on the shop's nodes.
func (s *shop) runOnNodes(t *testing.T, env string, pods int32) {
	t.Helper()
	if err := retry.RetryOnConflict(retry.DefaultRetry, func() error {
		d, err := s.client.AppsV1().Deployments(s.namespace).Get(t.Context(), "shop-"+env, metav1.GetOptions{})
		if err != nil {
			return err
		}
		d.Spec.Replicas, d.Spec.Template.Spec.NodeSelector = &pods, map[string]string{"shop": s.namespace}
		_, err = s.client.AppsV1().Deployments(s.namespace).Update(t.Context(), d, metav1.UpdateOptions{})
		return err
	}); err != nil {
		t.Fatal(err)
	}
	s.settled(t, env)
}

// settled waits until an environment's rollout is complete.
func (s *shop) settled(t *testing.T, env string) {
	t.Helper()
	until(t, env+" is complete", func() bool {
		d, err := s.client.AppsV1().Deployments(s.namespace).Get(t.Context(), "shop-"+env, metav1.GetOptions{})
		return err == nil && complete(d)
	})
}

// on returns how many pods a drain would move from a node.
func (s *shop) on(t *testing.T, name string) int {
	t.Helper()
	pods, err := s.client.CoreV1().Pods("").List(t.Context(), metav1.ListOptions{FieldSelector: "spec.nodeName=" + s.node(name)})
	if err != nil {
		t.Fatal(err)
	}
	return len(slices.DeleteFunc(pods.Items, func(p corev1.Pod) bool { return !moves(&p) }))
}

// prepare brings node a where an op has something to do there: open with one pod
// for cordon, cordoned with one for drain, cordoned for uncordon.
func (s *shop) prepare(t *testing.T, op string) {
	t.Helper()
	b := configured(t, s.config())
	must(t, b, "uncordon", obj{"node": s.node("a")})
	must(t, b, "uncordon", obj{"node": s.node("b")})
	if op == "drain" && s.on(t, "a") != 1 {
		must(t, b, "cordon", obj{"node": s.node("b")})
		must(t, b, "drain", obj{"node": s.node("b")})
		must(t, b, "scale", obj{"env": "blue", "instances": 1})
		until(t, "one is left", func() bool { return s.on(t, "a") == 1 })
		must(t, b, "uncordon", obj{"node": s.node("b")})
	}
	if op != "cordon" {
		must(t, b, "cordon", obj{"node": s.node("a")})
	}
}

// TestDrain: pods go elsewhere as a budget allows; it is said what holds them up;
// those of DaemonSets stay; what would be lost is not touched without a word.
func TestDrain(t *testing.T) {
	s := newShop(t)
	s.addNodes(t, "a", "b")
	s.runOnNodes(t, "green", 4)
	b := configured(t, s.config())
	node := obj{"node": s.node("a")}
	_, e := invoke(t, b, "drain", node)
	fails(t, e, effect.CodeConflict, "node "+s.node("a")+" of context lab", "is open", "deploy.cordon")
	for range 2 { // the second changes nothing
		if got := must(t, b, "cordon", node); !reflect.DeepEqual(got, obj{"node": s.node("a"), "state": "cordoned", "ready": true, "instances": 2.0}) {
			t.Errorf("cordoned: %v", got)
		}
	}
	pod := func(name string, owner *metav1.OwnerReference, volumes ...corev1.Volume) {
		t.Helper()
		p := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: s.namespace}, Spec: corev1.PodSpec{NodeName: s.node("a"), Volumes: volumes,
			Containers: []corev1.Container{{Name: "c", Image: "registry.example.org/tool:v1"}}}}
		if owner != nil {
			p.OwnerReferences = []metav1.OwnerReference{*owner}
		}
		if _, err := s.client.CoreV1().Pods(s.namespace).Create(t.Context(), p, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	yes := true
	pod("agent", &metav1.OwnerReference{APIVersion: "apps/v1", Kind: "DaemonSet", Name: "agent", UID: "1", Controller: &yes})
	pod("alone", nil)
	pod("cache", &metav1.OwnerReference{APIVersion: "example.org/v1", Kind: "Cache", Name: "cache", UID: "2", Controller: &yes},
		corev1.Volume{Name: "data", VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}})
	_, e = invoke(t, b, "drain", node)
	fails(t, e, effect.CodeConflict, "2 pods would lose something; nothing changed", "pod "+s.namespace+"/alone: nothing starts it again elsewhere", "pod "+s.namespace+"/cache: it keeps data on the node (emptyDir data)", "lossy = true")
	if n := s.on(t, "a"); n != 4 {
		t.Errorf("%d pods are there, nothing was to change", n)
	}

	all := intstr.FromInt32(4)
	budgets := s.client.PolicyV1().PodDisruptionBudgets(s.namespace)
	if _, err := budgets.Create(t.Context(), &policyv1.PodDisruptionBudget{ObjectMeta: metav1.ObjectMeta{Name: "green"},
		Spec: policyv1.PodDisruptionBudgetSpec{MinAvailable: &all, Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"env": "green"}}}}, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	until(t, "the budget counts", func() bool {
		p, err := budgets.Get(t.Context(), "green", metav1.GetOptions{})
		return err == nil && p.Status.CurrentHealthy == 4 && p.Status.ObservedGeneration == p.Generation
	})
	req := request(t, "drain", with(node, obj{"lossy": true}))
	var lines []string
	var mu sync.Mutex
	req.Progress = func(line string) { mu.Lock(); lines = append(lines, line); mu.Unlock() }
	short, cancel := context.WithTimeout(t.Context(), margin+4*evictEvery)
	defer cancel()
	_, err := b.Invoke(short, req)
	e = effect.AsError(err)
	fails(t, e, effect.CodeFailed, "2 pods are left there:\npod "+s.namespace+"/shop-green-", "disruption budget green", "it stays cordoned", "deploy.scale")
	if e != nil && !e.Retryable {
		t.Error("it may be tried again")
	}
	mu.Lock()
	if !strings.Contains(strings.Join(lines, "\n"), "2 held up: pod "+s.namespace+"/shop-green-") {
		t.Errorf("progress is %q", lines)
	}
	mu.Unlock()
	if got, err := b.Observe(bounded(t), req); err != nil || got.State != effect.NotApplied {
		t.Errorf("observed %+v, %v", got, err)
	}
	must(t, b, "scale", obj{"env": "green", "instances": 5})
	if got := must(t, b, "drain", with(node, obj{"lossy": true})); got["instances"] != 0.0 || got["state"] != "cordoned" {
		t.Errorf("drained: %v", got)
	}
	if got, err := b.Observe(bounded(t), req); err != nil || got.State != effect.Applied {
		t.Errorf("observed %+v, %v", got, err)
	}
	if n := s.on(t, "b"); n != 5 {
		t.Errorf("%d pods are on the other node", n)
	}
	if _, err := s.client.CoreV1().Pods(s.namespace).Get(t.Context(), "agent", metav1.GetOptions{}); err != nil {
		t.Errorf("the DaemonSet's pod: %v", err)
	}
	if got := must(t, b, "uncordon", node); got["state"] != "open" {
		t.Errorf("open: %v", got)
	}
	_, e = invoke(t, b, "cordon", obj{"node": "nowhere"})
	fails(t, e, effect.CodeNotFound, "there is no node nowhere of context lab", "kubectl get nodes")
}

// TestScale: as many run as are asked for; none keeps the Deployment, which comes
// back; a release that waits is not started by it.
func TestScale(t *testing.T) {
	s := newShop(t)
	b := configured(t, s.config())
	green := obj{"env": "green"}
	to := func(n int) obj { return obj{"env": "green", "instances": n} }
	if got := must(t, b, "scale", to(5)); !reflect.DeepEqual(got, obj{"env": "green", "state": "active", "version": "v1", "serving": "v1", "instances": 5.0}) {
		t.Errorf("five: %v", got)
	}
	must(t, b, "release", obj{"env": "green", "version": "v2"})
	must(t, b, "scale", to(2)) // while the rollout is held
	if got := s.serves(t, "green"); got != "v1 v1" {
		t.Errorf("it serves %s", got)
	}
	if got := must(t, b, "scale", to(0)); got["state"] != "released" || got["instances"] != 0.0 || got["serving"] != nil {
		t.Errorf("none: %v", got)
	}
	_, e := invoke(t, b, "scale", to(2))
	fails(t, e, effect.CodeConflict, "a release waits there", "deploy.activate")
	if got := must(t, b, "activate", green); got["serving"] != "v2" || got["instances"] != 2.0 {
		t.Errorf("activated: %v", got)
	}
	must(t, b, "scale", to(0))
	must(t, b, "release", obj{"env": "green", "version": "v3"})
	must(t, b, "release", obj{"env": "green", "version": "v2"})
	if got := must(t, b, "scale", to(3)); got["state"] != "active" || got["serving"] != "v2" {
		t.Errorf("back: %v", got)
	}
	must(t, b, "decommission", green)
	_, e = invoke(t, b, "scale", to(2))
	fails(t, e, effect.CodeConflict, "decommissioned", "deploy.release")
	must(t, b, "release", obj{"env": "green", "version": "v2"})
	_, e = invoke(t, b, "scale", to(2))
	fails(t, e, effect.CodeConflict, "has not been activated")
	_, e = invoke(t, b, "scale", obj{"env": "red", "instances": 2})
	fails(t, e, effect.CodeConflict, "there is no deployment")
	must(t, b, "activate", green)
	req := request(t, "scale", to(1))
	if _, err := b.Invoke(bounded(t), req); err != nil {
		t.Fatal(err)
	}
	if err := retry.RetryOnConflict(retry.DefaultRetry, func() error {
		d, err := s.client.AppsV1().Deployments(s.namespace).Get(t.Context(), "shop-green", metav1.GetOptions{})
		if err == nil {
			four := int32(4)
			d.Spec.Replicas = &four
			_, err = s.client.AppsV1().Deployments(s.namespace).Update(t.Context(), d, metav1.UpdateOptions{})
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	_, err := b.Observe(bounded(t), req)
	fails(t, effect.AsError(err), effect.CodeFailed, "somebody has scaled it to 4 meanwhile")
}

// TestRoleForNodes: what is refused without the page's ClusterRole, and is not with
// it.
func TestRoleForNodes(t *testing.T) {
	s := newShop(t)
	s.addNodes(t, "a", "b")
	s.runOnNodes(t, "green", 2)
	s.kubeconfig(t, s.file, s.url, "runbook-token")
	b := configured(t, s.config())
	_, e := invoke(t, b, "cordon", obj{"node": s.node("a")})
	fails(t, e, effect.CodeRefused, `cannot get resource "nodes"`)
	s.grantNodes(t)
	must(t, b, "cordon", obj{"node": s.node("a")})
	must(t, b, "drain", obj{"node": s.node("a")})
	must(t, b, "uncordon", obj{"node": s.node("a")})
}

// TestModelMovesAsClustersDo walks nodes and sizes at random. Where the scheduler
// puts a pod is its own: compared are what is open, what is empty after a drain, how
// many run in all, and what is refused.
func TestModelMovesAsClustersDo(t *testing.T) {
	s := newShop(t)
	s.addNodes(t, "a", "b", "c")
	s.runOnNodes(t, "blue", 3)
	s.runOnNodes(t, "green", 2)
	b := configured(t, s.config())
	model := contract.NewModel()
	names := []string{s.node("a"), s.node("b"), s.node("c")}
	nodes := obj{}
	for _, n := range names {
		nodes[n] = obj{"runs": obj{"blue": 1.0, "green": 0.0}}
	}
	nodes[names[0]] = obj{"runs": obj{"blue": 1.0, "green": 2.0}}
	if err := model.Load(obj{"envs": obj{"blue": obj{"version": "v1", "state": "active"}, "green": obj{"version": "v1", "state": "active"}}, "nodes": nodes}); err != nil {
		t.Fatal(err)
	}
	do := func(req string, args obj) (any, error) {
		return model.Do(effect.Moment{Now: time.Now(), World: func(string) obj { return nil }}, req, args)
	}
	random := rand.New(rand.NewPCG(7, 29))
	seen := map[string]int{}
	cordoned := map[string]bool{}
	for i := range 60 {
		op := []string{"cordon", "uncordon", "drain", "drain", "scale"}[random.IntN(5)]
		args := obj{"node": names[random.IntN(3)]}
		if random.IntN(12) == 0 {
			args["node"] = "nowhere"
		}
		if op == "scale" {
			args = obj{"env": []string{"blue", "green"}[random.IntN(2)], "instances": random.IntN(5)}
		}
		left := slices.DeleteFunc(slices.Clone(names), func(n string) bool { return cordoned[n] })
		if op == "scale" && len(left) == 0 || op == "cordon" && len(left) == 1 && left[0] == args["node"] {
			continue // with no room at all a scale waits for its time, and the model does not
		}
		req := request(t, op, args)
		real, realErr := b.Invoke(bounded(t), req)
		modeled, modelErr := do(op, req.Args)
		if r, m := effect.AsError(realErr), effect.AsError(modelErr); r != nil || m != nil {
			if r == nil || m == nil || r.Code != m.Code || r.Retryable != m.Retryable {
				t.Fatalf("step %d, %s %v: the cluster gives %v, the model %v", i, op, args, realErr, modelErr)
			}
			seen[op+" "+string(r.Code)]++
			continue
		}
		seen[op]++
		if op == "cordon" || op == "uncordon" {
			cordoned[args["node"].(string)] = op == "cordon"
		}
		is, said := maps.Clone(real.(obj)), maps.Clone(modeled.(obj))
		if op == "cordon" || op == "uncordon" {
			delete(is, "instances")
			delete(said, "instances")
		}
		if !reflect.DeepEqual(is, said) {
			t.Fatalf("step %d, %s %v:\nthe cluster gives %v\nthe model        %v", i, op, args, is, said)
		}
		for _, env := range []string{"blue", "green"} {
			status, err := do("status", obj{"env": env})
			if err != nil {
				t.Fatal(err)
			}
			want := status.(obj)
			until(t, fmt.Sprintf("step %d, %s %v: %s is as the model says, %v", i, op, args, env, want), func() bool {
				got, e := invoke(t, b, "status", obj{"env": env})
				return e == nil && reflect.DeepEqual(got, want)
			})
		}
	}
	for _, what := range []string{"cordon", "uncordon", "drain", "drain conflict", "scale", "drain not_found"} {
		if seen[what] == 0 {
			t.Errorf("%s never came: %v", what, seen)
		}
	}
}
