package main

import (
	"net/http/httptest"
	"testing"
	"time"

	"github.com/ipfs/boxo/ipld/merkledag"
	client "github.com/ipfs/boxo/pinning/remote/client"
)

// TestServiceWithItsClient holds the pinning service against a client that
// others have written.
func TestServiceWithItsClient(t *testing.T) {
	n, err := newNode(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer n.host.Close()
	s := httptest.NewServer(newPinService(t.Context(), n, "right").handler())
	defer s.Close()
	if _, err := client.NewClient(s.URL+"/psa", "wrong").LsSync(t.Context()); err == nil {
		t.Error("a wrong token passes")
	}
	c := client.NewClient(s.URL+"/psa", "right")
	content := merkledag.NewRawNode([]byte("content"))
	if err := n.offline.Add(t.Context(), content); err != nil {
		t.Fatal(err)
	}
	of := content.Cid()
	made, err := c.Add(t.Context(), of, client.PinOpts.WithName("first"))
	if err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(time.Minute); made.GetStatus() != client.StatusPinned; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("it is %s", made.GetStatus())
		}
		if made, err = c.GetStatusByID(t.Context(), made.GetRequestId()); err != nil {
			t.Fatal(err)
		}
	}
	again, err := c.Replace(t.Context(), made.GetRequestId(), of, client.PinOpts.WithName("other"))
	if err != nil || again.GetStatus() != client.StatusPinned || again.GetRequestId() == made.GetRequestId() {
		t.Fatalf("%v, %v", again, err)
	}
	list, err := c.LsSync(t.Context(), client.PinOpts.FilterCIDs(of))
	if err != nil || len(list) != 1 || list[0].GetPin().GetName() != "other" || !list[0].GetPin().GetCid().Equals(of) {
		t.Fatalf("%v, %v", list, err)
	}
	if err := c.DeleteByID(t.Context(), again.GetRequestId()); err != nil {
		t.Fatal(err)
	}
	if list, err := c.LsSync(t.Context(), client.PinOpts.FilterStatus(client.StatusPinned, client.StatusPinning, client.StatusQueued, client.StatusFailed)); err != nil || len(list) != 0 {
		t.Errorf("%v, %v", list, err)
	}
}
