package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/ipfs/go-cid"
	"github.com/libp2p/go-libp2p/core/peer"
)

// pinService is a pinning service on top of a node: the API 1.0.0, whose
// requests the node carries out by bitswap, each until it succeeds or is taken
// away.
type pinService struct {
	node  *node
	token string
	ctx   context.Context

	mu       sync.Mutex
	requests []*pinRequest // oldest first
	made     int
	last     time.Time
}

// pinRequest is a request for a pin, as the API tells it.
type pinRequest struct {
	ID        string            `json:"requestid"`
	Status    string            `json:"status"`
	Created   time.Time         `json:"created"`
	Pin       wanted            `json:"pin"`
	Delegates []string          `json:"delegates"`
	Info      map[string]string `json:"info,omitempty"`

	cid    cid.Cid
	cancel context.CancelFunc
}

type wanted struct {
	CID     string            `json:"cid"`
	Name    string            `json:"name,omitempty"`
	Origins []string          `json:"origins,omitempty"`
	Meta    map[string]string `json:"meta,omitempty"`
}

func newPinService(ctx context.Context, n *node, token string) *pinService {
	return &pinService{node: n, token: token, ctx: ctx}
}

func (s *pinService) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /psa/pins", s.list)
	mux.HandleFunc("POST /psa/pins", func(w http.ResponseWriter, r *http.Request) { s.add(w, r, "") })
	mux.HandleFunc("GET /psa/pins/{id}", s.get)
	mux.HandleFunc("POST /psa/pins/{id}", func(w http.ResponseWriter, r *http.Request) { s.add(w, r, r.PathValue("id")) })
	mux.HandleFunc("DELETE /psa/pins/{id}", s.remove)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer "+s.token {
			fail(w, http.StatusUnauthorized, "INVALID_TOKEN", "the access token is missing or invalid")
			return
		}
		mux.ServeHTTP(w, r)
	})
}

func fail(w http.ResponseWriter, status int, reason, details string) {
	answer(w, status, map[string]any{"error": map[string]string{"reason": reason, "details": details}})
}

func answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}

func (s *pinService) list(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	limit := 10
	if text := q.Get("limit"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > 1000 {
			fail(w, http.StatusBadRequest, "BAD_REQUEST", "limit has to be 1 to 1000")
			return
		}
		limit = n
	}
	states := []string{"pinned"}
	if text := q.Get("status"); text != "" {
		states = strings.Split(text, ",")
	}
	var of []cid.Cid
	for _, text := range strings.FieldsFunc(q.Get("cid"), func(r rune) bool { return r == ',' }) {
		c, err := cid.Decode(text)
		if err != nil {
			fail(w, http.StatusBadRequest, "BAD_REQUEST", "cid: "+err.Error())
			return
		}
		of = append(of, c)
	}
	var before time.Time
	if text := q.Get("before"); text != "" {
		var err error
		if before, err = time.Parse(time.RFC3339Nano, text); err != nil {
			fail(w, http.StatusBadRequest, "BAD_REQUEST", "before: "+err.Error())
			return
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	found, count := []pinRequest{}, 0
	for _, p := range slices.Backward(s.requests) {
		if !slices.Contains(states, p.Status) || len(of) > 0 && !slices.ContainsFunc(of, p.cid.Equals) || !before.IsZero() && !p.Created.Before(before) {
			continue
		}
		if count++; len(found) < limit {
			found = append(found, *p)
		}
	}
	answer(w, http.StatusOK, map[string]any{"count": count, "results": found})
}

// find returns the request of that name; s.mu is held.
func (s *pinService) find(id string) *pinRequest {
	i := slices.IndexFunc(s.requests, func(p *pinRequest) bool { return p.ID == id })
	if i < 0 {
		return nil
	}
	return s.requests[i]
}

func (s *pinService) get(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p := s.find(r.PathValue("id")); p != nil {
		answer(w, http.StatusOK, p)
		return
	}
	fail(w, http.StatusNotFound, "NOT_FOUND", "there is no such request")
}

// add takes a request, in the place of another if that is named.
func (s *pinService) add(w http.ResponseWriter, r *http.Request, instead string) {
	var want wanted
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<20)).Decode(&want); err != nil {
		fail(w, http.StatusBadRequest, "BAD_REQUEST", err.Error())
		return
	}
	of, err := cid.Decode(want.CID)
	if err != nil {
		fail(w, http.StatusBadRequest, "BAD_REQUEST", "cid: "+err.Error())
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	old := s.find(instead)
	if instead != "" && old == nil {
		fail(w, http.StatusNotFound, "NOT_FOUND", "there is no such request")
		return
	}
	s.made++
	now := time.Now().UTC()
	if !now.After(s.last) {
		now = s.last.Add(1)
	}
	s.last = now
	p := &pinRequest{ID: fmt.Sprint("request-", s.made), Status: "queued", Created: now, Pin: want, Delegates: []string{s.node.address()}, cid: of}
	var ctx context.Context
	ctx, p.cancel = context.WithCancel(s.ctx)
	s.requests = append(s.requests, p)
	if old != nil && old.Status == "pinned" && old.cid.Equals(of) {
		p.Status = "pinned"
		p.cancel()
	} else {
		go s.carryOut(ctx, p)
	}
	if old != nil {
		s.drop(old)
	}
	answer(w, http.StatusAccepted, p)
}

// carryOut lets the node fetch content and keep it.
func (s *pinService) carryOut(ctx context.Context, p *pinRequest) {
	s.state(p, "pinning", "")
	for _, at := range p.Pin.Origins {
		to, err := peer.AddrInfoFromString(at)
		if err != nil {
			s.state(p, "failed", "origins: "+err.Error())
			return
		}
		connect, cancel := context.WithTimeout(ctx, 10*time.Second)
		_ = s.node.connect(connect, *to) // others may have it
		cancel()
	}
	nd, err := s.node.online.Get(ctx, p.cid)
	if err == nil {
		unlock := s.node.blocks.PinLock(ctx)
		err = s.node.pins.Pin(ctx, nd, true, p.Pin.Name)
		if err == nil {
			err = s.node.pins.Flush(ctx)
		}
		unlock.Unlock(ctx)
	}
	switch {
	case ctx.Err() != nil: // taken away
	case err != nil:
		s.state(p, "failed", err.Error())
	default:
		s.node.provide(ctx, p.cid)
		s.state(p, "pinned", "")
	}
}

func (s *pinService) state(p *pinRequest, status, details string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p.Status = status
	if details != "" {
		p.Info = map[string]string{"status_details": details}
	}
}

func (s *pinService) remove(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.find(r.PathValue("id"))
	if p == nil {
		fail(w, http.StatusNotFound, "NOT_FOUND", "there is no such request")
		return
	}
	s.drop(p)
	w.WriteHeader(http.StatusAccepted)
}

// drop takes a request away, and the pin with the last one for its content;
// s.mu is held.
func (s *pinService) drop(p *pinRequest) {
	p.cancel()
	s.requests = slices.DeleteFunc(s.requests, func(q *pinRequest) bool { return q == p })
	if p.Status != "pinned" || slices.ContainsFunc(s.requests, func(q *pinRequest) bool { return q.cid.Equals(p.cid) && q.Status == "pinned" }) {
		return
	}
	defer s.node.blocks.PinLock(s.ctx).Unlock(s.ctx)
	if err := s.node.pins.Unpin(s.ctx, p.cid, true); err == nil {
		_ = s.node.pins.Flush(s.ctx)
	}
}
