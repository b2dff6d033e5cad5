package kubernetes

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins"
)

const (
	// startedBy is the annotation with the key of the effect that a Job is of.
	startedBy = "runbook/started-by"
	// kept is for how long a Job stays after its end, so that a resume finds it.
	kept = int32(7 * 24 * 60 * 60)
	// longestCronJob is what Kubernetes allows.
	longestCronJob = 52
	// tail is how much of a Job's log is returned.
	tailLines, tailBytes = int64(100), int64(16 << 10)
	// logTimeout bounds the wait for it: it comes from the pod's node.
	logTimeout = 5 * time.Second
)

// job is a Job made from a CronJob, for one effect.
type job struct {
	*cluster
	settings    *settings
	cronJob, id string
	env, region string
	req         plugins.Request
}

func (s *settings) job(req plugins.Request) (*job, *effect.Error) {
	j := &job{settings: s, env: s.env, region: s.region, req: req, cronJob: str(req.Args, "name")}
	if env := str(req.Args, "env"); env != "" {
		j.env = env
	}
	if region := str(req.Args, "region"); region != "" {
		j.region = region
	}
	var e *effect.Error
	if j.cluster, e = s.cluster(j.region); e != nil {
		return nil, e
	}
	if name := str(s.cronJobs, j.cronJob); name != "" {
		j.cronJob = name
	}
	if strings.Contains(j.cronJob, "{env}") && j.env == "" {
		return nil, effect.Errorf(effect.CodeInvalid, "which CronJob is meant hangs on env (%s), and the call names none; nothing was sent", j.cronJob).
			WithHint(`write env = "production", or set environment in the configuration of deploy`)
	}
	j.cronJob = strings.ReplaceAll(j.cronJob, "{env}", j.env)
	sum := sha256.Sum256([]byte(req.Key))
	j.id = j.cronJob[:min(len(j.cronJob), longestCronJob)] + "-" + hex.EncodeToString(sum[:5])
	return j, nil
}

// String names the Job for people.
func (j *job) String() string { return fmt.Sprintf("job %s/%s of %s", j.namespace, j.id, j.name) }

func (b *Backend) onJob(ctx context.Context, req plugins.Request, do func(*job, context.Context) (map[string]any, *effect.Error)) (map[string]any, *effect.Error) {
	j, e := b.settings.job(req)
	if e != nil {
		return nil, e
	}
	return do(j, ctx)
}

// observeJob reports whether the Job was run. One that runs is awaited; one that has
// failed is asked for again, which does not start it again and tells why.
func (b *Backend) observeJob(ctx context.Context, req plugins.Request) (plugins.Observation, error) {
	j, e := b.settings.job(req)
	if e != nil {
		return plugins.Observation{}, e
	}
	there, e := j.get(ctx)
	switch {
	case e != nil:
		return plugins.Observation{}, e
	case there == nil || !j.own(there):
		return plugins.Observation{State: effect.NotApplied}, nil
	}
	value, e := j.ended(ctx)
	switch {
	case e != nil && e.Code == effect.CodeFailed:
		return plugins.Observation{State: effect.NotApplied}, nil
	case e != nil:
		return plugins.Observation{}, e
	}
	return plugins.Observation{State: effect.Applied, Value: value}, nil
}

// run implements the op.
func (j *job) run(ctx context.Context) (map[string]any, *effect.Error) {
	there, e := j.get(ctx)
	if e != nil {
		return nil, e
	}
	if there == nil {
		if there, e = j.start(ctx); e != nil {
			return nil, e
		}
	}
	if !j.own(there) {
		return nil, effect.Errorf(effect.CodeConflict, "%s is there, and not this effect's; nothing changed", j).WithHint("find out who made it, and remove it")
	}
	return j.ended(ctx)
}

func (j *job) own(there *batchv1.Job) bool { return there.Annotations[startedBy] == j.req.Key }

// get reads the Job; nil if there is none.
func (j *job) get(ctx context.Context) (*batchv1.Job, *effect.Error) {
	there, err := j.client.BatchV1().Jobs(j.namespace).Get(ctx, j.id, metav1.GetOptions{})
	switch {
	case isNotFound(err):
		return nil, nil
	case err != nil:
		return nil, j.failed(ctx, j.String(), "reading it", err)
	}
	return there, nil
}

// start makes the Job from its CronJob, which need not be due, and may be
// suspended. It belongs to nobody, so that the CronJob's history does not remove it.
func (j *job) start(ctx context.Context) (*batchv1.Job, *effect.Error) {
	from, err := j.client.BatchV1().CronJobs(j.namespace).Get(ctx, j.cronJob, metav1.GetOptions{})
	switch {
	case isNotFound(err):
		return nil, effect.Errorf(effect.CodeNotFound, "there is no CronJob %s/%s of %s that the job could be made from; nothing changed", j.namespace, j.cronJob, j.name).
			WithHint("apply its manifest, with suspend: true if it is to run by runbooks alone, or name it in jobs of the configuration of deploy")
	case err != nil:
		return nil, j.failed(ctx, fmt.Sprintf("cronjob %s/%s of %s", j.namespace, j.cronJob, j.name), "reading it", err)
	}
	template := from.Spec.JobTemplate.DeepCopy()
	made := &batchv1.Job{ObjectMeta: metav1.ObjectMeta{Name: j.id, Namespace: j.namespace, Labels: template.Labels, Annotations: template.Annotations}, Spec: template.Spec}
	if made.Annotations == nil {
		made.Annotations = map[string]string{}
	}
	made.Annotations[startedBy] = j.req.Key
	made.Spec.Suspend = nil
	if ttl := kept; made.Spec.TTLSecondsAfterFinished == nil || *made.Spec.TTLSecondsAfterFinished < ttl {
		made.Spec.TTLSecondsAfterFinished = &ttl
	}
	set, _ := j.req.Args["set"].(map[string]any)
	if version := str(j.req.Args, "version"); version != "" || len(set) > 0 {
		k, e := j.settings.containerOf(&made.Spec.Template.Spec, j)
		if e != nil {
			return nil, e
		}
		if version != "" {
			k.Image = j.settings.image(version)
		}
		apply(k, set)
	}
	there, err := j.client.BatchV1().Jobs(j.namespace).Create(ctx, made, metav1.CreateOptions{FieldManager: "runbook"})
	switch {
	case err == nil:
		return there, nil
	case !certain(err) || apierrors.IsAlreadyExists(err): // by an attempt before this one
		if there, e := j.get(ctx); e == nil && there != nil {
			return there, nil
		}
		return nil, effect.Errorf(effect.CodeUnknown, "%s: the request to make it got no answer, and may come through yet: %v", j, err).
			WithHint("a resume asks the cluster; or look there: kubectl -n %s get job %s", j.namespace, j.id)
	}
	return nil, j.failed(ctx, j.String(), "making it", err)
}

// ended waits for the Job's end.
func (j *job) ended(ctx context.Context) (map[string]any, *effect.Error) {
	waits, cancel := withMargin(ctx)
	defer cancel()
	told := ""
	for {
		there, e := j.get(ctx)
		switch {
		case e != nil && (e.Code != effect.CodeUnavailable || waits.Err() != nil): // an API server may be away for a while
			return nil, e
		case e == nil && there == nil:
			return nil, effect.Errorf(effect.CodeUnknown, "%s is gone: somebody removed it before its end was seen", j).WithHint("find out what it did, then say what happened")
		case e == nil:
			if value, over, e := j.end(ctx, there); over {
				return value, e
			}
			how := fmt.Sprintf("%d pods run, %d failed", there.Status.Active, there.Status.Failed)
			if how != told && j.req.Progress != nil {
				j.req.Progress(how)
			}
			told = how
		}
		if !pause(waits, every) {
			why := "the time was up, and it runs still"
			if errors.Is(ctx.Err(), context.Canceled) {
				why = "the call was canceled while it ran"
			}
			return nil, effect.Errorf(effect.CodeUnknown, "%s: %s: %s%s", j, why, told, j.troubles(ctx)).
				WithHint("the cluster goes on; a resume waits for it. kubectl -n %s logs job/%s", j.namespace, j.id)
		}
	}
}

// end returns what came of a Job, if it is over.
func (j *job) end(ctx context.Context, there *batchv1.Job) (value map[string]any, over bool, e *effect.Error) {
	for _, c := range there.Status.Conditions {
		switch {
		case c.Status != corev1.ConditionTrue:
		case c.Type == batchv1.JobComplete:
			v := map[string]any{"id": j.id}
			for name, text := range map[string]string{"env": j.env, "region": j.region, "log": j.log(ctx)} {
				if text != "" {
					v[name] = text
				}
			}
			return v, true, nil
		case c.Type == batchv1.JobFailed:
			e := effect.Errorf(effect.CodeFailed, "%s failed: %s: %s%s", j, c.Reason, c.Message, j.troubles(ctx))
			if log := j.log(ctx); log != "" {
				e.Message += "\n" + strings.Join(lastLines(log), "\n")
			}
			return nil, true, e.WithHint("kubectl -n %s logs job/%s shows what it wrote; a call anew runs it again", j.namespace, j.id)
		}
	}
	return nil, false, nil
}

// newest returns the pod of the Job that was made last; nil where there is none, or
// none can be read.
func (j *job) newest(ctx context.Context) *corev1.Pod {
	list, err := j.client.CoreV1().Pods(j.namespace).List(ctx, metav1.ListOptions{LabelSelector: batchv1.JobNameLabel + "=" + j.id})
	if err != nil || len(list.Items) == 0 {
		return nil
	}
	p := slices.MaxFunc(list.Items, func(a, b corev1.Pod) int { return a.CreationTimestamp.Compare(b.CreationTimestamp.Time) })
	return &p
}

// troubles says what keeps the newest pod from running, or ended it.
func (j *job) troubles(ctx context.Context) string {
	p := j.newest(ctx)
	if p == nil {
		return ""
	}
	if why := trouble(p); why != "" {
		return "\npod " + p.Name + ": " + why
	}
	return ""
}

// log returns the last lines of the newest pod; "" where they cannot be had.
func (j *job) log(ctx context.Context) string {
	p := j.newest(ctx)
	if p == nil {
		return ""
	}
	name := j.settings.container
	if len(p.Spec.Containers) == 1 {
		name = p.Spec.Containers[0].Name
	}
	ctx, cancel := context.WithTimeout(ctx, logTimeout)
	defer cancel()
	lines, size := tailLines, tailBytes
	text, err := j.client.CoreV1().Pods(j.namespace).GetLogs(p.Name, &corev1.PodLogOptions{Container: name, TailLines: &lines, LimitBytes: &size}).DoRaw(ctx)
	if err != nil {
		return ""
	}
	return strings.ToValidUTF8(string(text), "\uFFFD")
}

// lastLines returns as many lines as an error bears.
func lastLines(text string) []string {
	const n = 10
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	return lines[max(0, len(lines)-n):]
}
