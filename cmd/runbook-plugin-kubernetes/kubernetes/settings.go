package kubernetes

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// settings is the configuration of a Backend.
type settings struct {
	clusters   map[string]*cluster // by region; "" for calls that name none
	deployment string              // its name, in which {env} stands for the environment
	container  string              // "" for the only one
	cronJobs   map[string]any      // that jobs are made from, by the names that scripts use
	before     string              // of an image, what stands before its version
	after      string              // and behind
	env        string              // where a call names none
	region     string
}

// cluster is where a region's Deployments are.
type cluster struct {
	client    kubernetes.Interface
	name      string // for people: "context prod-eu (https://10.0.0.1:6443)"
	namespace string
}

// requestTimeout bounds one request to an API server.
const requestTimeout = 15 * time.Second

func fields() []effect.Field {
	text := func(name, doc string) effect.Field {
		return effect.Field{Name: name, Type: effect.String, Min: effect.Bound(1), Doc: doc}
	}
	where := []effect.Field{text("context", "the context of kubeconfig; it is always named, for the current one changes"), text("namespace", "where the Deployments are")}
	image := text("image", "the image of a version: registry.example.org/shop:{version}")
	image.Required = true
	deployment := text("deployment", "the Deployment; {env} stands for the environment: shop-{env}")
	deployment.Required = true
	return append([]effect.Field{deployment, image,
		text("container", "which of its containers; the only one if left out"),
		{Name: "jobs", Type: effect.Map, Elem: &effect.Field{Type: effect.String, Min: effect.Bound(1)},
			Doc: "the CronJobs that jobs are made from, by the names that scripts use: { migrate: shop-migrate-{env} }; the CronJob of the job's own name if left out"},
		{Name: "kubeconfig", Type: effect.String, Path: effect.IsPath, Min: effect.Bound(1), Doc: "the file; ~/.kube/config if left out"},
		{Name: "in_cluster", Type: effect.Bool, Doc: "runbook runs in a pod of the cluster: its service account is used, and no kubeconfig"},
		{Name: "regions", Type: effect.Map, Doc: "where other clusters are, by region", Elem: &effect.Field{Type: effect.Object, Fields: where}},
		text("environment", "the environment of calls that name none"),
		text("region", "the region of calls that name none"),
	}, where...)
}

func invalid(format string, args ...any) *effect.Error {
	return effect.Errorf(effect.CodeInvalid, "configure kubernetes: "+format, args...)
}

func newSettings(config map[string]any) (*settings, error) {
	s := &settings{clusters: map[string]*cluster{}, deployment: str(config, "deployment"), container: str(config, "container"), env: str(config, "environment"), region: str(config, "region")}
	s.cronJobs, _ = config["jobs"].(map[string]any)
	var found bool
	if s.before, s.after, found = strings.Cut(str(config, "image"), "{version}"); !found {
		return nil, invalid("image: %q holds no {version}", str(config, "image")).WithHint("write image: registry.example.org/shop:{version}")
	}
	inCluster, _ := config["in_cluster"].(bool)
	regions, _ := config["regions"].(map[string]any)
	switch {
	case inCluster && (str(config, "context") != "" || str(config, "kubeconfig") != "" || regions != nil):
		return nil, invalid("in_cluster is the cluster that runbook runs in; context, kubeconfig and regions name others").WithHint("leave one or the other out")
	case !inCluster && str(config, "context") == "" && regions == nil:
		return nil, invalid("context is missing: the current context of a kubeconfig changes behind one's back").WithHint("write context: NAME (kubectl config get-contexts lists them), or in_cluster: true")
	}
	add := func(region string, of map[string]any, open func(context string) (*rest.Config, string, error)) error {
		c := &cluster{namespace: str(of, "namespace")}
		if c.namespace == "" {
			return invalid("namespace is missing%s", forRegion(region)).WithHint("write namespace: shop")
		}
		rc, name, err := open(str(of, "context"))
		if err != nil {
			return invalid("%v", err)
		}
		rc.Timeout, rc.UserAgent = requestTimeout, "runbook"
		rc.QPS, rc.Burst = 50, 100
		c.name = fmt.Sprintf("%s (%s)", name, rc.Host)
		if c.client, err = kubernetes.NewForConfig(rc); err != nil {
			return invalid("%s: %v", c.name, err)
		}
		s.clusters[region] = c
		return nil
	}
	if inCluster {
		return s, add("", config, func(string) (*rest.Config, string, error) {
			rc, err := rest.InClusterConfig()
			return rc, "this cluster", err
		})
	}
	open, err := kubeconfig(str(config, "kubeconfig"))
	if err != nil {
		return nil, err
	}
	if str(config, "context") != "" {
		if err := add("", config, open); err != nil {
			return nil, err
		}
	}
	for _, region := range slices.Sorted(maps.Keys(regions)) {
		of, _ := regions[region].(map[string]any)
		of = maps.Clone(of)
		if of["namespace"] == nil {
			of["namespace"] = config["namespace"]
		}
		if str(of, "context") == "" {
			return nil, invalid("context is missing%s", forRegion(region)).WithHint("write regions: { %s: { context: NAME } }", region)
		}
		if err := add(region, of, open); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// kubeconfig reads a file, and returns what opens a context of it.
func kubeconfig(file string) (func(context string) (*rest.Config, string, error), error) {
	if file == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return nil, invalid("kubeconfig: %v", err).WithHint("name the file: kubeconfig: /etc/runbook/kubeconfig")
		}
		file = filepath.Join(home, ".kube", "config")
	}
	loaded, err := clientcmd.LoadFromFile(file)
	if err != nil {
		return nil, invalid("kubeconfig: %v", err).WithHint("name the file: kubeconfig: /etc/runbook/kubeconfig")
	}
	return func(context string) (*rest.Config, string, error) {
		if loaded.Contexts[context] == nil {
			return nil, "", fmt.Errorf("%s has no context %q; it has %s", file, context, strings.Join(slices.Sorted(maps.Keys(loaded.Contexts)), ", "))
		}
		rc, err := clientcmd.NewNonInteractiveClientConfig(*loaded, context, &clientcmd.ConfigOverrides{}, nil).ClientConfig()
		if err != nil {
			return nil, "", fmt.Errorf("%s, context %s: %w", file, context, err)
		}
		return rc, "context " + context, nil
	}, nil
}

func (s *settings) clusterNames() []string { return slices.Sorted(maps.Keys(s.clusters)) }

// image returns the image of a version.
func (s *settings) image(version string) string { return s.before + version + s.after }

// version returns that of an image; all of the image if it is another one.
func (s *settings) version(image string) string {
	if rest, ok := strings.CutPrefix(image, s.before); ok && strings.HasSuffix(rest, s.after) && len(rest) > len(s.after) {
		return strings.TrimSuffix(rest, s.after)
	}
	return image
}

func forRegion(region string) string {
	if region == "" {
		return ""
	}
	return " for region " + region
}

func str(of map[string]any, name string) string {
	s, _ := of[name].(string)
	return s
}
