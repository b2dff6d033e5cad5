package pinning

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/q-ecosystem/runbook/plugins/plugintest"
	"github.com/q-ecosystem/runbook/stdlib/ipfs"
)

// requests counts the service's own requests for content, in whatever state, past
// the backend.
func (l *lab) requests(t *testing.T, cid string) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, l.service.Pinning+"/pins?status=queued,pinning,pinned,failed&cid="+cid, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var page struct{ Count *int }
	if err := json.NewDecoder(resp.Body).Decode(&page); err != nil || page.Count == nil {
		t.Fatalf("%s: %v", resp.Status, err)
	}
	return *page.Count
}

// TestKilled kills the backend before, within and after each change, and does it again,
// as the recovery retry says: the service has one request for the content, or none.
func TestKilled(t *testing.T) {
	l := newLab(t)
	meet(t, l.service, l.own)
	b, moments := l.backend(t), 2
	if testing.Short() {
		moments = 0
	}
	for op, want := range map[string]int{"pin": 1, "unpin": 0} {
		t.Run(op, func(t *testing.T) {
			plugintest.Kills{Backend: b, Config: config(l.service.Pinning), Module: ipfs.Module(), Op: op, Moments: moments, System: testedOn(t),
				Stops: func(t *testing.T, at plugintest.At) (map[string]any, func() bool) {
					r := plugintest.NewRelay(t, l.service.Pinning, at, true)
					return config(r.URL), r.Held
				},
				Next: func(t *testing.T) plugintest.Round {
					cid := l.content(t, 50_000)
					if op == "unpin" {
						must(t, b, "pin", obj{"cid": cid})
					}
					return plugintest.Round{Args: obj{"cid": cid}, There: func() bool { return l.requests(t, cid) == want }, After: func() {
						if op == "pin" && !l.whole(t, cid) {
							t.Errorf("the service does not hold %s whole", cid)
						}
						if got := must(t, b, "pins", obj{"cid": cid})["count"]; got != float64(want) {
							t.Errorf("after %s the service tells %v pins", op, got)
						}
					}}
				}}.Run(t)
		})
	}
}
