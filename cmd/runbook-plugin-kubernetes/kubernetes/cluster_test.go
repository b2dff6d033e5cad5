package kubernetes

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// patience bounds the waits for conditions.
const patience = 40 * time.Second

// server is a control plane on loopback, shared by the tests: etcd,
// kube-apiserver and kube-controller-manager. The tests themselves stand in for
// scheduler and kubelet.
type server struct {
	dir, url string
	client   kubernetes.Interface
	stop     func()
}

var (
	shared     *server
	sharedOnce sync.Once
)

func TestMain(m *testing.M) {
	if text := os.Getenv(victimEnv); text != "" {
		victim(text)
	}
	code := m.Run()
	if shared != nil {
		shared.stop()
	}
	os.Exit(code)
}

// controlPlane returns the shared server, or skips the test: to build its
// programs takes longer than all other tests of the project.
func controlPlane(t *testing.T) *server {
	t.Helper()
	assets := os.Getenv("KUBEBUILDER_ASSETS")
	if assets == "" {
		t.Skip("skipped: KUBEBUILDER_ASSETS names no directory with etcd, kube-apiserver and kube-controller-manager; make kubernetes-assets builds it")
	}
	sharedOnce.Do(func() { shared = startServer(t, assets) })
	if shared == nil {
		t.Fatal("the control plane did not start")
	}
	return shared
}

func startServer(t *testing.T, assets string) *server {
	t.Helper()
	dir, err := os.MkdirTemp("", "rb-kube")
	if err != nil {
		t.Fatal(err)
	}
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	put(t, filepath.Join(dir, "sa.key"), string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})))
	put(t, filepath.Join(dir, "tokens.csv"), "admin-token,admin,1,system:masters\nrunbook-token,runbook,2\n")
	ports := freePorts(t, 3)
	s := &server{dir: dir, url: fmt.Sprintf("https://127.0.0.1:%d", ports[2])}
	var started []*exec.Cmd
	s.stop = func() {
		for _, cmd := range started {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		}
		_ = os.RemoveAll(dir)
	}
	start := func(name string, args ...string) {
		t.Helper()
		log, err := os.Create(filepath.Join(dir, name+".log"))
		if err != nil {
			t.Fatal(err)
		}
		defer log.Close()
		cmd := exec.Command(filepath.Join(assets, name), args...)
		cmd.Stdout, cmd.Stderr, cmd.Dir = log, log, dir
		cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		started = append(started, cmd)
	}
	etcd := fmt.Sprintf("http://127.0.0.1:%d", ports[0])
	start("etcd", "--data-dir", filepath.Join(dir, "etcd"), "--listen-client-urls", etcd, "--advertise-client-urls", etcd, "--listen-peer-urls", fmt.Sprintf("http://127.0.0.1:%d", ports[1]), "--unsafe-no-fsync")
	start("kube-apiserver", "--etcd-servers", etcd, "--bind-address=127.0.0.1", fmt.Sprintf("--secure-port=%d", ports[2]), "--cert-dir", dir, "--service-cluster-ip-range=10.0.0.0/24",
		"--authorization-mode=RBAC", "--token-auth-file", filepath.Join(dir, "tokens.csv"), "--service-account-issuer=https://127.0.0.1", "--service-account-key-file", filepath.Join(dir, "sa.key"),
		"--service-account-signing-key-file", filepath.Join(dir, "sa.key"), "--disable-admission-plugins=ServiceAccount")
	rc := s.rest("admin-token")
	rc.Insecure = true // until its certificate is there
	client := kubernetes.NewForConfigOrDie(rc)
	until(t, "kube-apiserver", func() bool {
		body, err := client.Discovery().RESTClient().Get().AbsPath("/readyz").DoRaw(context.Background())
		return err == nil && string(body) == "ok"
	})
	s.client = client
	put(t, filepath.Join(dir, "admin.kubeconfig"), "")
	s.kubeconfig(t, filepath.Join(dir, "admin.kubeconfig"), s.url, "admin-token")
	start("kube-controller-manager", "--kubeconfig", filepath.Join(dir, "admin.kubeconfig"), "--leader-elect=false", "--controllers=deployment-controller,replicaset-controller,disruption-controller,job-controller", "--bind-address=127.0.0.1", "--secure-port=0",
		"--concurrent-deployment-syncs=5")
	go s.kubelet()
	go s.scheduler()
	return s
}

func (s *server) rest(token string) *rest.Config {
	return &rest.Config{Host: s.url, BearerToken: token, QPS: 200, Burst: 400}
}

// kubeconfig writes a file with the contexts "lab" and "other", of which the
// other one is current and leads nowhere.
func (s *server) kubeconfig(t *testing.T, file, url, token string) {
	t.Helper()
	c := clientcmdapi.NewConfig()
	c.Clusters["lab"] = &clientcmdapi.Cluster{Server: url, InsecureSkipTLSVerify: true}
	c.Clusters["other"] = &clientcmdapi.Cluster{Server: "https://127.0.0.1:1"}
	c.AuthInfos["lab"] = &clientcmdapi.AuthInfo{Token: token}
	c.Contexts["lab"] = &clientcmdapi.Context{Cluster: "lab", AuthInfo: "lab"}
	c.Contexts["other"] = &clientcmdapi.Context{Cluster: "other", AuthInfo: "lab"}
	if c.CurrentContext = "other"; strings.HasPrefix(filepath.Base(file), "admin") {
		c.CurrentContext = "lab"
	}
	if err := clientcmd.WriteToFile(*c, file); err != nil {
		t.Fatal(err)
	}
}

// kubelet lets pods become ready, but for those whose image cannot be pulled.
func (s *server) kubelet() {
	for ; ; time.Sleep(50 * time.Millisecond) {
		pods, err := s.client.CoreV1().Pods("").List(context.Background(), metav1.ListOptions{})
		if err != nil {
			continue
		}
		for i := range pods.Items {
			p := &pods.Items[i]
			if p.DeletionTimestamp != nil { // of one that was put on a node
				now := int64(0)
				_ = s.client.CoreV1().Pods(p.Namespace).Delete(context.Background(), p.Name, metav1.DeleteOptions{GracePeriodSeconds: &now})
				continue
			}
			if p.Status.Phase != corev1.PodPending || len(p.Status.ContainerStatuses) > 0 || p.Spec.NodeName == "" && p.Spec.NodeSelector != nil {
				continue
			}
			if image := p.Spec.Containers[0].Image; strings.HasSuffix(image, ":broken") {
				p.Status.ContainerStatuses = []corev1.ContainerStatus{{Name: p.Spec.Containers[0].Name, Image: image,
					State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "ImagePullBackOff", Message: "there is no " + image}}}}
			} else {
				p.Status.Phase = corev1.PodRunning
				p.Status.Conditions = append(p.Status.Conditions, corev1.PodCondition{Type: corev1.PodReady, Status: corev1.ConditionTrue, LastTransitionTime: metav1.Now()})
			}
			_, _ = s.client.CoreV1().Pods(p.Namespace).UpdateStatus(context.Background(), p, metav1.UpdateOptions{})
		}
	}
}

// scheduler puts pods that ask for nodes of a label on those that have it and are
// open, one after the other.
func (s *server) scheduler() {
	ctx := context.Background()
	for next := 0; ; time.Sleep(50 * time.Millisecond) {
		pods, err := s.client.CoreV1().Pods("").List(ctx, metav1.ListOptions{FieldSelector: "spec.nodeName="})
		if err != nil {
			continue
		}
		for i := range pods.Items {
			p := &pods.Items[i]
			if p.Spec.NodeSelector == nil || p.DeletionTimestamp != nil {
				continue
			}
			nodes, err := s.client.CoreV1().Nodes().List(ctx, metav1.ListOptions{LabelSelector: labels.SelectorFromSet(p.Spec.NodeSelector).String()})
			if err != nil {
				continue
			}
			open := slices.DeleteFunc(nodes.Items, func(n corev1.Node) bool { return n.Spec.Unschedulable })
			if len(open) == 0 {
				continue
			}
			next++
			_ = s.client.CoreV1().Pods(p.Namespace).Bind(ctx, &corev1.Binding{ObjectMeta: metav1.ObjectMeta{Name: p.Name, Namespace: p.Namespace},
				Target: corev1.ObjectReference{Kind: "Node", Name: open[next%len(open)].Name}}, metav1.CreateOptions{})
		}
	}
}

// shop is a namespace with the Deployments shop-blue and shop-green, which run
// v1.
type shop struct {
	*server
	namespace, file string
}

func newShop(t *testing.T) *shop {
	t.Helper()
	s := &shop{server: controlPlane(t), file: filepath.Join(t.TempDir(), "kubeconfig")}
	ns, err := s.client.CoreV1().Namespaces().Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "shop-"}}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	s.namespace = ns.Name
	s.kubeconfig(t, s.file, s.url, "admin-token")
	for _, env := range []string{"blue", "green"} {
		replicas, deadline := int32(3), int32(3)
		shown := map[string]string{"app": "shop", "env": env}
		d := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Name: "shop-" + env}, Spec: appsv1.DeploymentSpec{Replicas: &replicas, ProgressDeadlineSeconds: &deadline,
			Selector: &metav1.LabelSelector{MatchLabels: shown},
			Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: shown}, Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "shop", Image: "registry.example.org/shop:v1"}}}}}}
		if _, err := s.client.AppsV1().Deployments(s.namespace).Create(t.Context(), d, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	until(t, "the pods of v1", func() bool { return s.serves(t, "green") == "v1 v1 v1" && s.serves(t, "blue") == "v1 v1 v1" })
	return s
}

// config returns a configuration for the shop.
func (s *shop) config() obj {
	return obj{"kubeconfig": s.file, "context": "lab", "namespace": s.namespace, "deployment": "shop-{env}", "image": "registry.example.org/shop:{version}"}
}

// serves returns the versions of the pods that are ready.
func (s *shop) serves(t *testing.T, env string) string {
	t.Helper()
	pods, err := s.client.CoreV1().Pods(s.namespace).List(t.Context(), metav1.ListOptions{LabelSelector: "env=" + env})
	if err != nil {
		t.Fatal(err)
	}
	var versions []string
	for i := range pods.Items {
		p := &pods.Items[i]
		for _, c := range p.Status.Conditions {
			if c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue && p.DeletionTimestamp == nil {
				_, version, _ := strings.Cut(p.Spec.Containers[0].Image, ":")
				versions = append(versions, version)
			}
		}
	}
	return strings.Join(versions, " ")
}

func freePorts(t *testing.T, n int) []int {
	t.Helper()
	var ports []int
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		ports = append(ports, l.Addr().(*net.TCPAddr).Port)
	}
	return ports
}

func put(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !ok(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within %s", what, patience)
		}
	}
}
