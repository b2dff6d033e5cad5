package kubernetes

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	selectors "k8s.io/apimachinery/pkg/fields"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins"
)

// machine is a node of a cluster, and what is asked of it.
type machine struct {
	*cluster
	node   string
	region string
	req    plugins.Request
}

func (s *settings) node(req plugins.Request) (*machine, *effect.Error) {
	n := &machine{node: str(req.Args, "node"), region: s.region, req: req}
	if region := str(req.Args, "region"); region != "" {
		n.region = region
	}
	var e *effect.Error
	n.cluster, e = s.cluster(n.region)
	return n, e
}

// String names the node for people.
func (n *machine) String() string {
	if n.node == "" {
		return "nodes of " + n.name
	}
	return fmt.Sprintf("node %s of %s", n.node, n.name)
}

// onNode carries an op about nodes out.
func (b *Backend) onNode(ctx context.Context, req plugins.Request) (map[string]any, *effect.Error) {
	n, e := b.settings.node(req)
	if e != nil {
		return nil, e
	}
	switch req.Op {
	case "nodes":
		return n.list(ctx)
	case "drain":
		e = n.drain(ctx)
	default:
		e = n.mark(ctx, req.Op == "cordon")
	}
	if e != nil {
		return nil, e
	}
	value, _, e := n.look(ctx)
	return value, e
}

// observeNode reports whether a node is as the op wants it: each op names a state,
// so that it does not matter who brought it about, and one that is not there yet may
// be asked for again.
func (b *Backend) observeNode(ctx context.Context, req plugins.Request) (plugins.Observation, error) {
	n, e := b.settings.node(req)
	if e != nil {
		return plugins.Observation{}, e
	}
	value, left, e := n.look(ctx)
	switch {
	case e != nil && e.Code == effect.CodeNotFound:
		return plugins.Observation{State: effect.NotApplied}, nil
	case e != nil:
		return plugins.Observation{}, e
	}
	cordoned := value["state"] == "cordoned"
	if req.Op == "cordon" && cordoned || req.Op == "uncordon" && !cordoned || req.Op == "drain" && cordoned && left == 0 {
		return plugins.Observation{State: effect.Applied, Value: value}, nil
	}
	return plugins.Observation{State: effect.NotApplied}, nil
}

// get reads the node.
func (n *machine) get(ctx context.Context) (*corev1.Node, *effect.Error) {
	node, err := n.client.CoreV1().Nodes().Get(ctx, n.node, metav1.GetOptions{})
	switch {
	case isNotFound(err):
		return nil, effect.Errorf(effect.CodeNotFound, "there is no %s; nothing changed", n).WithHint("deploy.nodes {} and kubectl get nodes list them")
	case err != nil:
		return nil, n.failed(ctx, n.String(), "reading it", err)
	}
	return node, nil
}

// look returns the node in the form of the contract, and how many pods a drain
// would move.
func (n *machine) look(ctx context.Context) (map[string]any, int, *effect.Error) {
	node, e := n.get(ctx)
	if e != nil {
		return nil, 0, e
	}
	pods, e := n.movable(ctx)
	if e != nil {
		return nil, 0, e
	}
	value := n.told(node, len(pods))
	value["node"] = n.node
	return value, len(pods), nil
}

func (n *machine) told(node *corev1.Node, pods int) map[string]any {
	ready := slices.ContainsFunc(node.Status.Conditions, func(c corev1.NodeCondition) bool {
		return c.Type == corev1.NodeReady && c.Status == corev1.ConditionTrue
	})
	v := map[string]any{"state": "open", "ready": ready, "instances": float64(pods)}
	if node.Spec.Unschedulable {
		v["state"] = "cordoned"
	}
	if n.region != "" {
		v["region"] = n.region
	}
	return v
}

// list returns all nodes in the form of the contract.
func (n *machine) list(ctx context.Context) (map[string]any, *effect.Error) {
	nodes, err := n.client.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, n.failed(ctx, n.String(), "listing them", err)
	}
	pods, e := n.movable(ctx)
	if e != nil {
		return nil, e
	}
	run := map[string]int{}
	for i := range pods {
		run[pods[i].Spec.NodeName]++
	}
	list := []any{}
	for i := range nodes.Items {
		one := n.told(&nodes.Items[i], run[nodes.Items[i].Name])
		one["name"] = nodes.Items[i].Name
		list = append(list, one)
	}
	slices.SortFunc(list, func(a, b any) int {
		return strings.Compare(a.(map[string]any)["name"].(string), b.(map[string]any)["name"].(string))
	})
	return map[string]any{"nodes": list}, nil
}

// movable returns the pods of the node, or of all nodes, that a drain moves: those
// that run, but for what belongs to the node itself. They are those of all
// namespaces.
func (n *machine) movable(ctx context.Context) ([]corev1.Pod, *effect.Error) {
	options := metav1.ListOptions{Limit: 500}
	if n.node != "" {
		options.FieldSelector = selectors.OneTermEqualSelector("spec.nodeName", n.node).String()
	}
	var pods []corev1.Pod
	for {
		list, err := n.client.CoreV1().Pods(metav1.NamespaceAll).List(ctx, options)
		if err != nil {
			return nil, n.failed(ctx, n.String(), "listing pods", err)
		}
		for i := range list.Items {
			if moves(&list.Items[i]) {
				pods = append(pods, list.Items[i])
			}
		}
		if options.Continue = list.Continue; options.Continue == "" {
			return pods, nil
		}
	}
}

// moves reports whether a drain moves a pod: not one that has ended, that the node
// itself started from a file, or that a DaemonSet would put back there.
func moves(p *corev1.Pod) bool {
	_, mirror := p.Annotations[corev1.MirrorPodAnnotationKey]
	by := metav1.GetControllerOf(p)
	return p.Spec.NodeName != "" && !mirror && p.Status.Phase != corev1.PodSucceeded && p.Status.Phase != corev1.PodFailed && (by == nil || by.Kind != "DaemonSet")
}

// mark cordons the node, or opens it. Nothing is sent where it is so already.
func (n *machine) mark(ctx context.Context, cordoned bool) *effect.Error {
	for wait := 50 * time.Millisecond; ; wait = min(2*wait, time.Second) {
		node, e := n.get(ctx)
		if e != nil || node.Spec.Unschedulable == cordoned {
			return e
		}
		node.Spec.Unschedulable = cordoned
		_, err := n.client.CoreV1().Nodes().Update(ctx, node, metav1.UpdateOptions{FieldManager: "runbook"})
		switch {
		case err == nil:
			return nil
		case apierrors.IsConflict(err):
			if !pause(ctx, wait) {
				return effect.Errorf(effect.CodeConflict, "%s was changed by others again and again, until the call's time was up; nothing was changed by it", n).WithHint("try it again")
			}
			continue
		case certain(err):
			return n.failed(ctx, n.String(), "updating it", err)
		}
		if now, e := n.get(ctx); e == nil && now.Spec.Unschedulable == cordoned {
			return nil
		}
		return effect.Errorf(effect.CodeUnknown, "%s: the update got no answer, and may be made yet: %v", n, err).WithHint("a resume asks the cluster; or look there: kubectl get node %s", n.node)
	}
}
