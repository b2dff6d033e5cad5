package webhook

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins"
)

type obj = map[string]any

const (
	secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	older  = "whsec_cnVuYm9vay10aGUta2V5LWJlZm9yZS10aGlz"
	token  = "Sup3rS3cretTok3n"
)

// receiver takes requests as a good one does: it checks the signature, and
// drops what it has.
type receiver struct {
	url     string
	mu      sync.Mutex
	taken   map[string]obj // by webhook-id
	times   map[string]int // how often each was sent
	asked   int
	refused int
}

func startReceiver(t *testing.T, key string) *receiver {
	t.Helper()
	r := &receiver{taken: map[string]obj{}, times: map[string]int{}}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, _ := io.ReadAll(req.Body)
		r.mu.Lock()
		defer r.mu.Unlock()
		if req.Method != http.MethodPost {
			w.WriteHeader(http.StatusMethodNotAllowed)
			return
		}
		r.asked++
		id := req.Header.Get("webhook-id")
		raw, _ := base64.StdEncoding.DecodeString(strings.TrimPrefix(key, "whsec_"))
		mac := hmac.New(sha256.New, raw)
		mac.Write([]byte(id + "." + req.Header.Get("webhook-timestamp") + "." + string(body)))
		good := false
		for _, s := range strings.Fields(req.Header.Get("webhook-signature")) {
			good = good || s == "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil))
		}
		if !good || req.Header.Get("Authorization") != "Bearer "+token {
			r.refused++
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		var message obj
		if json.Unmarshal(body, &message) != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		r.times[id]++
		if r.taken[id] == nil {
			r.taken[id] = message
		}
		w.WriteHeader(http.StatusNoContent)
	}))
	t.Cleanup(s.Close)
	r.url = s.URL + "/hook"
	return r
}

func config(url string) obj {
	return obj{"timeout": "1m", "endpoints": obj{
		"deployments": obj{"url": url, "secret": secret, "headers": obj{"Authorization": "Bearer " + token}},
		"on-call":     obj{"url": url, "secret": secret, "headers": obj{"Authorization": "Bearer " + token}, "pages": true},
	}}
}

func configured(t *testing.T, c obj) (*Backend, error) {
	t.Helper()
	b := New()
	checked, err := effect.CheckFields(b.Describe().Config, nil, c)
	if err != nil {
		t.Fatal(err)
	}
	return b, b.Configure(t.Context(), revealed(checked))
}

func backend(t *testing.T, c obj) *Backend {
	t.Helper()
	b, err := configured(t, c)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// revealed returns plain values for secrets, as the wire does.
func revealed(m obj) obj {
	m = maps.Clone(m)
	for k, v := range m {
		switch v := v.(type) {
		case effect.Secret:
			m[k] = v.Reveal()
		case obj:
			m[k] = revealed(v)
		}
	}
	return m
}

func invoke(t *testing.T, b *Backend, call, op string, args obj) (obj, *effect.Error) {
	t.Helper()
	v, err := b.Invoke(t.Context(), plugins.Request{Op: op, Args: args, Key: call, Run: "run", Place: "1", Attempt: 1, Progress: func(string) {}})
	m, _ := v.(obj)
	return m, effect.AsError(err)
}
