package kubernetes

import (
	"context"
	"strings"
	"testing"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// addCronJob makes one that never is due.
func (s *shop) addCronJob(t *testing.T, name string) {
	t.Helper()
	suspend, again, soon := true, int32(0), int32(5)
	c := &batchv1.CronJob{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: batchv1.CronJobSpec{Schedule: "0 0 1 1 *", Suspend: &suspend,
		JobTemplate: batchv1.JobTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"job": name}}, Spec: batchv1.JobSpec{BackoffLimit: &again, TTLSecondsAfterFinished: &soon,
			Template: corev1.PodTemplateSpec{Spec: corev1.PodSpec{RestartPolicy: corev1.RestartPolicyNever, Containers: []corev1.Container{{Name: "shop", Image: "registry.example.org/shop:v1"}}}}}}}}
	if _, err := s.client.BatchV1().CronJobs(s.namespace).Create(t.Context(), c, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
}

// finishJobs lets the pods of Jobs end, which the kubelet does elsewhere.
func (s *shop) finishJobs(ctx context.Context, how batchv1.JobConditionType) {
	for ; ctx.Err() == nil; time.Sleep(50 * time.Millisecond) {
		pods, err := s.client.CoreV1().Pods(s.namespace).List(ctx, metav1.ListOptions{LabelSelector: batchv1.JobNameLabel})
		if err != nil {
			continue
		}
		for i := range pods.Items {
			p := &pods.Items[i]
			if p.Status.Phase != corev1.PodRunning {
				continue
			}
			code := int32(0)
			if p.Status.Phase = corev1.PodSucceeded; how == batchv1.JobFailed {
				p.Status.Phase, code = corev1.PodFailed, 3
			}
			p.Status.ContainerStatuses = []corev1.ContainerStatus{{Name: "shop", Image: p.Spec.Containers[0].Image,
				State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: code, Reason: "Error", FinishedAt: metav1.Now()}}}}
			_, _ = s.client.CoreV1().Pods(s.namespace).UpdateStatus(ctx, p, metav1.UpdateOptions{})
		}
	}
}

// jobs returns those of the shop.
func (s *shop) jobs(t *testing.T) []batchv1.Job {
	t.Helper()
	list, err := s.client.BatchV1().Jobs(s.namespace).List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return list.Items
}

// TestJob: it runs once, whatever is sent twice, with the version and the settings
// of the call, and stays until a resume has seen it.
func TestJob(t *testing.T) {
	s := newShop(t)
	s.addCronJob(t, "shop-migrate-blue")
	b := configured(t, with(s.config(), obj{"jobs": obj{"migrate": "shop-migrate-{env}"}}))
	req := request(t, "job", obj{"name": "migrate", "env": "blue", "version": "v2", "set": obj{"MODE": "new"}})
	if got, err := b.Observe(bounded(t), req); err != nil || got.State != effect.NotApplied {
		t.Errorf("before: observed %+v, %v", got, err)
	}
	short, cancel := context.WithTimeout(t.Context(), margin+time.Second)
	defer cancel()
	_, err := b.Invoke(short, req)
	fails(t, effect.AsError(err), effect.CodeUnknown, "the time was up, and it runs still", "a resume waits for it")
	go s.finishJobs(t.Context(), batchv1.JobComplete)
	got, err := b.Observe(bounded(t), req)
	if err != nil || got.State != effect.Applied {
		t.Fatalf("observed %+v, %v", got, err)
	}
	again, err := b.Invoke(bounded(t), req)
	if err != nil || again.(obj)["id"] != got.Value.(obj)["id"] {
		t.Errorf("sent again: %v, %v", again, err)
	}
	jobs := s.jobs(t)
	if len(jobs) != 1 {
		t.Fatalf("there are %d jobs", len(jobs))
	}
	k := jobs[0].Spec.Template.Spec.Containers[0]
	if k.Image != "registry.example.org/shop:v2" || len(k.Env) != 1 || k.Env[0].Value != "new" || *jobs[0].Spec.TTLSecondsAfterFinished != kept || jobs[0].Labels["job"] != "shop-migrate-blue" ||
		!strings.HasPrefix(jobs[0].Name, "shop-migrate-blue-") || len(jobs[0].OwnerReferences) != 0 {
		t.Errorf("it is %+v", jobs[0])
	}
	must(t, b, "job", obj{"name": "migrate", "env": "blue"}) // another effect is another run
	if n := len(s.jobs(t)); n != 2 {
		t.Errorf("there are %d jobs", n)
	}
	_, e := invoke(t, b, "job", obj{"name": "reindex", "env": "blue"})
	fails(t, e, effect.CodeNotFound, "there is no CronJob "+s.namespace+"/reindex", "suspend: true")
	_, e = invoke(t, b, "job", obj{"name": "migrate"})
	fails(t, e, effect.CodeInvalid, "hangs on env")
}

// TestJobFails: it is said why, and a resume tells it again and starts nothing.
func TestJobFails(t *testing.T) {
	s := newShop(t)
	s.addCronJob(t, "migrate")
	go s.finishJobs(t.Context(), batchv1.JobFailed)
	b := configured(t, s.config())
	req := request(t, "job", obj{"name": "migrate"})
	for range 2 {
		_, err := b.Invoke(bounded(t), req)
		fails(t, effect.AsError(err), effect.CodeFailed, "job "+s.namespace+"/migrate-", "BackoffLimitExceeded", "shop: ended with exit code 3")
		if got, err := b.Observe(bounded(t), req); err != nil || got.State != effect.NotApplied {
			t.Errorf("observed %+v, %v", got, err)
		}
	}
	if n := len(s.jobs(t)); n != 1 {
		t.Errorf("there are %d jobs", n)
	}
}

// TestJobThatIsGone: who removes it before its end was seen leaves nobody who knows.
func TestJobThatIsGone(t *testing.T) {
	s := newShop(t)
	s.addCronJob(t, "migrate")
	b := configured(t, s.config())
	req := request(t, "job", obj{"name": "migrate"})
	done := make(chan error, 1)
	go func() {
		_, err := b.Invoke(bounded(t), req)
		done <- err
	}()
	until(t, "it runs", func() bool { return len(s.jobs(t)) == 1 })
	now := metav1.DeletePropagationBackground
	if err := s.client.BatchV1().Jobs(s.namespace).Delete(t.Context(), s.jobs(t)[0].Name, metav1.DeleteOptions{PropagationPolicy: &now}); err != nil {
		t.Fatal(err)
	}
	fails(t, effect.AsError(<-done), effect.CodeUnknown, "is gone: somebody removed it")
}
