package kubernetes

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/retry"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins"
	"github.com/q-ecosystem/runbook/plugins/plugintest"
	contract "github.com/q-ecosystem/runbook/stdlib/deploy"
)

type obj = map[string]any

var (
	_ plugins.Backend   = (*Backend)(nil)
	_ plugins.Observer  = (*Backend)(nil)
	_ plugins.Previewer = (*Backend)(nil)
)

func TestConformance(t *testing.T) {
	s := newShop(t)
	s.addNodes(t, "a", "b")
	s.addCronJob(t, "migrate")
	go s.finishJobs(t.Context(), batchv1.JobComplete)
	config := s.config()
	config["environment"] = "blue"
	config["regions"] = obj{"eu": obj{"context": "lab"}}
	plugintest.Run(t, func(*testing.T) plugins.Backend { return New() }, plugintest.Cases{
		Config: config,
		Writes: []plugins.Request{
			{Op: "release", Args: obj{"env": "green", "version": "v2"}},
			{Op: "activate", Args: obj{"env": "green"}},
			{Op: "release", Args: obj{"env": "green", "region": "eu", "version": "v3", "set": obj{"MODE": "new"}}},
			{Op: "decommission", Args: obj{"env": "blue"}},
			{Op: "activate", Args: obj{"env": "green", "region": "eu"}},
			{Op: "scale", Args: obj{"env": "green", "instances": 4.0}},
			{Op: "cordon", Args: obj{"node": s.node("a")}},
			{Op: "drain", Args: obj{"node": s.node("a")}},
			{Op: "uncordon", Args: obj{"node": s.node("a"), "region": "eu"}},
			{Op: "job", Args: obj{"name": "migrate", "version": "v3", "set": obj{"MODE": "new"}, "class": "write"}},
		},
		Reads: []plugins.Request{{Op: "status"}, {Op: "status", Args: obj{"env": "green", "region": "eu"}}, {Op: "regions"}, {Op: "regions", Args: obj{"env": "green"}}, {Op: "nodes"}},
	})
	if got := s.serves(t, "green"); got != "v3 v3 v3 v3" {
		t.Errorf("green serves %s", got)
	}
}

// TestNothingServesBeforeItIsActivated: what served goes on until then.
func TestNothingServesBeforeItIsActivated(t *testing.T) {
	s := newShop(t)
	b := configured(t, s.config())
	green := obj{"env": "green"}
	if got := must(t, b, "status", green); !reflect.DeepEqual(got, obj{"env": "green", "state": "active", "version": "v1", "serving": "v1", "instances": 3.0}) {
		t.Errorf("at first: %v", got)
	}
	got := must(t, b, "release", obj{"env": "green", "version": "v2"})
	if want := (obj{"env": "green", "state": "released", "version": "v2", "serving": "v1", "previous": "v1", "instances": 3.0}); !reflect.DeepEqual(got, want) {
		t.Errorf("released: %v, want %v", got, want)
	}
	if got := s.serves(t, "green"); got != "v1 v1 v1" {
		t.Errorf("it serves %s before it is activated", got)
	}
	var lines []string
	var mu sync.Mutex
	req := request(t, "activate", green)
	req.Progress = func(line string) { mu.Lock(); lines = append(lines, line); mu.Unlock() }
	if _, err := b.Invoke(bounded(t), req); err != nil {
		t.Fatal(err)
	}
	if got := s.serves(t, "green"); got != "v2 v2 v2" {
		t.Errorf("it serves %s", got)
	}
	mu.Lock()
	if len(lines) == 0 || !strings.Contains(lines[0], "of 3 pods updated") {
		t.Errorf("progress is %q", lines)
	}
	mu.Unlock()
	if got := s.serves(t, "blue"); got != "v1 v1 v1" {
		t.Errorf("blue serves %s", got)
	}
	must(t, b, "decommission", green)
	if got := s.serves(t, "green"); got != "" {
		t.Errorf("decommissioned, it serves %s", got)
	}
	_, e := invoke(t, b, "activate", green)
	fails(t, e, effect.CodeConflict, "decommissioned", "nothing changed", "deploy.release")
	must(t, b, "release", obj{"env": "green", "version": "v3"})
	if got := must(t, b, "activate", green); got["state"] != "active" || got["instances"] != 3.0 {
		t.Errorf("anew: %v", got)
	}
	_, e = invoke(t, b, "release", obj{"env": "red", "version": "v3"})
	fails(t, e, effect.CodeNotFound, "there is no deployment "+s.namespace+"/shop-red of context lab (https://127.0.0.1:", "apply its manifest")
}

// TestVersionThatDoesNotStart: it is said why, what served goes on in part, and
// the version of before can be put back.
func TestVersionThatDoesNotStart(t *testing.T) {
	s := newShop(t)
	b := configured(t, s.config())
	green := obj{"env": "green"}
	must(t, b, "release", obj{"env": "green", "version": "broken"})
	req := request(t, "activate", green)
	_, err := b.Invoke(bounded(t), req)
	fails(t, effect.AsError(err), effect.CodeFailed, "deployment "+s.namespace+"/shop-green", "does not get on", "shop: ImagePullBackOff: there is no registry.example.org/shop:broken", "version of before")
	if got := must(t, b, "status", green); got["state"] != "failed" || got["serving"] != "v1" {
		t.Errorf("it is %v", got)
	}
	if got, err := b.Observe(bounded(t), req); err != nil || got.State != effect.NotApplied {
		t.Errorf("observed %+v, %v", got, err)
	}
	must(t, b, "release", obj{"env": "green", "version": "v1"})
	if got := must(t, b, "activate", green); got["state"] != "active" || got["version"] != "v1" {
		t.Errorf("put back: %v", got)
	}
}

// TestSomebodyHoldsIt: what was paused or scaled on purpose is left to a person.
func TestSomebodyHoldsIt(t *testing.T) {
	s := newShop(t)
	b := configured(t, s.config())
	by := func(change func(d *appsv1.Deployment)) {
		t.Helper()
		if err := retry.RetryOnConflict(retry.DefaultRetry, func() error {
			d, err := s.client.AppsV1().Deployments(s.namespace).Get(t.Context(), "shop-green", metav1.GetOptions{})
			if err != nil {
				return err
			}
			change(d)
			_, err = s.client.AppsV1().Deployments(s.namespace).Update(t.Context(), d, metav1.UpdateOptions{})
			return err
		}); err != nil {
			t.Fatal(err)
		}
	}
	must(t, b, "release", obj{"env": "green", "version": "v2"})
	for op, c := range map[string]struct {
		change func(d *appsv1.Deployment)
		says   string
	}{
		"activate":     {func(d *appsv1.Deployment) { d.Spec.Paused = true }, "somebody has paused the rollout"},
		"decommission": {func(d *appsv1.Deployment) { one := int32(1); d.Spec.Replicas = &one }, "somebody has scaled it up"},
	} {
		req := request(t, op, obj{"env": "green"})
		if op == "decommission" {
			by(func(d *appsv1.Deployment) { d.Spec.Paused = false })
		}
		if _, err := b.Invoke(bounded(t), req); err != nil {
			t.Fatal(err)
		}
		by(c.change)
		got, err := b.Observe(bounded(t), req)
		fails(t, effect.AsError(err), effect.CodeFailed, c.says)
		if got.State == effect.Applied || got.State == effect.NotApplied {
			t.Errorf("%s: observed %+v", op, got)
		}
		must(t, b, "release", obj{"env": "green", "version": "v3"})
	}
}

// TestOthersChangeItToo: an update that meets another one is made anew, and
// neither is lost.
func TestOthersChangeItToo(t *testing.T) {
	s := newShop(t)
	var met atomic.Bool
	p := newProxy(t, s, func(r *http.Request) bool {
		if r.Method == http.MethodPut && met.CompareAndSwap(false, true) {
			if _, err := s.client.AppsV1().Deployments(s.namespace).Patch(context.Background(), "shop-green", types.MergePatchType,
				[]byte(`{"metadata":{"labels":{"by":"other"}}}`), metav1.PatchOptions{}); err != nil {
				t.Error(err)
			}
		}
		return true
	}, nil)
	b := configured(t, p.config())
	must(t, b, "release", obj{"env": "green", "version": "v2"})
	d, err := s.client.AppsV1().Deployments(s.namespace).Get(t.Context(), "shop-green", metav1.GetOptions{})
	if err != nil || d.Labels["by"] != "other" || d.Spec.Template.Spec.Containers[0].Image != "registry.example.org/shop:v2" || !met.Load() {
		t.Errorf("it is %v of %s (%v)", d.Labels, d.Spec.Template.Spec.Containers[0].Image, err)
	}
}

// TestAnswerIsLost: the cluster is asked, and tells.
func TestAnswerIsLost(t *testing.T) {
	s := newShop(t)
	var lost atomic.Bool
	p := newProxy(t, s, nil, func(r *http.Request) bool { return r.Method != http.MethodPut || !lost.CompareAndSwap(false, true) })
	b := configured(t, p.config())
	if got := must(t, b, "release", obj{"env": "green", "version": "v2"}); got["version"] != "v2" || !lost.Load() {
		t.Errorf("it is %v", got)
	}
	// The request itself is lost, and the cluster can be asked: it may be made yet.
	p = newProxy(t, s, func(r *http.Request) bool { return r.Method != http.MethodPut }, nil)
	b = configured(t, p.config())
	_, e := invoke(t, b, "release", obj{"env": "green", "version": "v3"})
	fails(t, e, effect.CodeUnknown, "may be made yet", "deployment "+s.namespace+"/shop-green")
	_, e = invoke(t, configured(t, with(s.config(), obj{"context": "other"})), "status", obj{"env": "green"})
	fails(t, e, effect.CodeUnavailable, "context other (https://127.0.0.1:1)", "connection refused", "nothing changed")
}

// TestRole: the rights of the page are enough, and without them it is said what
// is missing.
func TestRole(t *testing.T) {
	s := newShop(t)
	s.kubeconfig(t, s.file, s.url, "runbook-token")
	b := configured(t, s.config())
	_, e := invoke(t, b, "status", obj{"env": "green"})
	fails(t, e, effect.CodeRefused, `User "runbook" cannot get resource "deployments"`, "Role in the backend's page")
	s.grant(t)
	if err := b.Health(t.Context()); err != nil {
		t.Error(err)
	}
	must(t, b, "release", obj{"env": "green", "version": "broken"})
	_, e = invoke(t, b, "activate", obj{"env": "green"})
	fails(t, e, effect.CodeFailed, "ImagePullBackOff")
	must(t, b, "release", obj{"env": "green", "version": "v2"})
	must(t, b, "activate", obj{"env": "green"})
	must(t, b, "decommission", obj{"env": "green"})
}

// TestKilled kills the backend before and after the update of each op was made.
func TestKilled(t *testing.T) {
	s := newShop(t)
	s.addNodes(t, "a", "b")
	s.addCronJob(t, "migrate")
	s.runOnNodes(t, "blue", 2)
	go s.finishJobs(t.Context(), batchv1.JobComplete)
	for i, op := range []string{"release", "activate", "scale", "cordon", "drain", "uncordon", "job", "decommission"} {
		for _, made := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s made %t", op, made), func(t *testing.T) {
				reached, killed := make(chan struct{}, 1), make(chan struct{})
				hold := func(r *http.Request) bool {
					if r.Method != http.MethodGet {
						reached <- struct{}{}
						<-killed
						return false
					}
					return true
				}
				p := newProxy(t, s, hold, nil)
				if made {
					p = newProxy(t, s, nil, hold)
				}
				b := configured(t, s.config())
				args := obj{"env": "green"}
				switch op {
				case "release":
					args["version"] = fmt.Sprint("k", i, made)
				case "scale":
					args["instances"] = map[bool]int{false: 2, true: 5}[made]
				case "cordon", "uncordon", "drain":
					s.prepare(t, op)
					args = obj{"node": s.node("a")}
				case "job":
					args["name"] = "migrate"
				}
				req := request(t, op, args)
				text, err := json.Marshal(order{p.config(), req.Op, req.Args, req.Key})
				if err != nil {
					t.Fatal(err)
				}
				cmd := exec.Command(os.Args[0])
				cmd.Env = append(os.Environ(), victimEnv+"="+string(text))
				if err := cmd.Start(); err != nil {
					t.Fatal(err)
				}
				select {
				case <-reached:
				case <-time.After(patience):
					t.Error("the update was not sent")
				}
				_ = cmd.Process.Kill()
				_ = cmd.Wait()
				close(killed)
				want := effect.NotApplied
				if made {
					want = effect.Applied
				}
				if op == "drain" && made { // the pod was evicted, and ends
					until(t, "the node is empty", func() bool { return s.on(t, "a") == 0 })
				}
				got, err := b.Observe(bounded(t), req)
				if err != nil || got.State != want {
					t.Fatalf("observed %+v, %v, want %s", got, err, want)
				}
				if req.Attempt = 2; !made {
					if _, err := b.Invoke(bounded(t), req); err != nil {
						t.Fatal(err)
					}
				}
			})
		}
	}
}

// TestModelDoesWhatClustersDo walks the cluster and the model at random. How many
// pods are ready is not compared, nor are versions that do not start: here a
// release does not start anything.
func TestModelDoesWhatClustersDo(t *testing.T) {
	s := newShop(t)
	b := configured(t, s.config())
	model := contract.NewModel()
	if err := model.Load(obj{"envs": obj{"blue": obj{"version": "v1", "state": "active"}, "green": obj{"version": "v1", "state": "active"}}}); err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(3, 37))
	pick := func(list ...string) string { return list[random.IntN(len(list))] }
	for i := range 40 {
		op, args := pick("status", "release", "release", "activate", "activate", "decommission"), obj{"env": pick("blue", "green")}
		if op == "release" {
			args["version"] = pick("v1", "v2", "v3")
		}
		req := request(t, op, args)
		real, realErr := b.Invoke(bounded(t), req)
		modeled, modelErr := model.Do(effect.Moment{Now: time.Now(), Key: req.Key, World: func(string) obj { return nil }}, op, req.Args)
		if r, m := effect.AsError(realErr), effect.AsError(modelErr); r != nil || m != nil {
			if r == nil || m == nil || r.Code != m.Code || r.Retryable != m.Retryable {
				t.Fatalf("step %d, %s %v: the cluster gives %v, the model %v", i, op, args, realErr, modelErr)
			}
			continue
		}
		is, said := with(real.(obj), nil), with(modeled.(obj), nil)
		delete(is, "instances")
		delete(said, "instances")
		if !reflect.DeepEqual(is, said) {
			t.Fatalf("step %d, %s %v:\nthe cluster gives %v\nthe model        %v", i, op, args, is, said)
		}
		serving, _ := said["serving"].(string)
		for version := range strings.FieldsSeq(s.serves(t, args["env"].(string))) {
			if version != serving {
				t.Fatalf("step %d, %s %v: %s serves, the model says %q", i, op, args, version, serving)
			}
		}
	}
}

func TestConfiguration(t *testing.T) {
	file := filepath.Join(t.TempDir(), "kubeconfig")
	(&server{}).kubeconfig(t, file, "https://127.0.0.1:2", "t0ken")
	base := obj{"kubeconfig": file, "context": "lab", "namespace": "shop", "deployment": "shop-{env}", "image": "shop:{version}"}
	for says, more := range map[string]obj{
		"context is missing":                       {"context": nil},
		`has no context "prod"; it has lab, other`: {"context": "prod"},
		"namespace is missing":                     {"namespace": nil},
		`"shop" holds no {version}`:                {"image": "shop"},
		"no such file":                             {"kubeconfig": file + ".none"},
		"context is missing for region eu":         {"regions": obj{"eu": obj{}}},
		"context, kubeconfig and regions name":     {"in_cluster": true},
	} {
		config := with(base, more)
		for name, value := range config {
			if value == nil {
				delete(config, name)
			}
		}
		b := New()
		if err := b.Configure(t.Context(), config); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%v gives %v, want %q", more, err, says)
		}
	}
	b := configured(t, base)
	_, e := invoke(t, b, "status", obj{})
	fails(t, e, effect.CodeInvalid, "hangs on env")
	_, e = invoke(t, b, "status", obj{"env": "green", "region": "us"})
	fails(t, e, effect.CodeNotFound, `no region "us"`)
	if p, err := b.Preview(t.Context(), request(t, "release", obj{"env": "green", "version": "v2"})); err != nil || p.Target != "deployment shop/shop-green of context lab (https://127.0.0.1:2)" {
		t.Errorf("preview is %+v, %v", p, err)
	}
}

// proxied is a shop behind a proxy, which drops what before and after say.
type proxied struct {
	*shop
	file string
}

func newProxy(t *testing.T, s *shop, before, after func(r *http.Request) bool) *proxied {
	t.Helper()
	to, err := url.Parse(s.url)
	if err != nil {
		t.Fatal(err)
	}
	tr := http.DefaultTransport.(*http.Transport).Clone()
	tr.TLSClientConfig = insecure()
	rp := &httputil.ReverseProxy{Transport: tr, Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(to) }, ErrorLog: nil,
		ModifyResponse: func(res *http.Response) error {
			if after != nil && !after(res.Request) {
				return io.ErrUnexpectedEOF
			}
			return nil
		},
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) { panic(http.ErrAbortHandler) }}
	srv := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if before != nil && !before(r) {
			panic(http.ErrAbortHandler)
		}
		rp.ServeHTTP(w, r)
	}))
	t.Cleanup(srv.Close)
	p := &proxied{s, filepath.Join(t.TempDir(), "kubeconfig")}
	s.kubeconfig(t, p.file, srv.URL, "admin-token")
	return p
}

func (p *proxied) config() obj { return with(p.shop.config(), obj{"kubeconfig": p.file}) }
