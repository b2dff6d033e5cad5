package statuspagetest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// hooked asks the functions of SetBefore and SetAfter about each request.
func (s *Server) hooked(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		before, after := s.before, s.after
		s.mu.Unlock()
		if before != nil && before(w, r) {
			return
		}
		if after == nil {
			next.ServeHTTP(w, r)
			return
		}
		held := &held{header: http.Header{}, status: http.StatusOK}
		next.ServeHTTP(held, r)
		if after(w, r) {
			return
		}
		maps.Copy(w.Header(), held.header)
		w.WriteHeader(held.status)
		_, _ = w.Write(held.body.Bytes())
	})
}

// held is an answer that is not given yet.
type held struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (h *held) Header() http.Header         { return h.header }
func (h *held) WriteHeader(status int)      { h.status = status }
func (h *held) Write(b []byte) (int, error) { return h.body.Write(b) }

func (s *Server) authorized(next func(http.ResponseWriter, *http.Request, *kept)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		p := s.pages[r.PathValue("page")]
		switch given := r.Header.Get("Authorization"); {
		case p == nil:
			answer(w, http.StatusNotFound, map[string]any{"error": "Record not found"})
		case given != "OAuth "+p.Token:
			answer(w, http.StatusUnauthorized, map[string]any{"error": "Could not authenticate " + given}) // so that a test sees whether it is shown
		default:
			next(w, r, p)
		}
	}
}

// part returns the part of a list that page and per_page ask for.
func part[T any](r *http.Request, all []T) []T {
	page, _ := strconv.Atoi(r.URL.Query().Get("page"))
	per, _ := strconv.Atoi(r.URL.Query().Get("per_page"))
	if page < 1 || per < 1 || per > 100 {
		page, per = 1, 100
	}
	from := min((page-1)*per, len(all))
	return append([]T{}, all[from:min(from+per, len(all))]...)
}

func components(w http.ResponseWriter, r *http.Request, p *kept) {
	answer(w, http.StatusOK, part(r, p.components))
}

func unresolved(w http.ResponseWriter, r *http.Request, p *kept) {
	open := []map[string]any{}
	for _, i := range slices.Backward(p.incidents) {
		if i.status != "resolved" {
			open = append(open, i.shown(p))
		}
	}
	answer(w, http.StatusOK, part(r, open))
}

func last(w http.ResponseWriter, r *http.Request, p *kept) {
	limit, err := strconv.Atoi(r.URL.Query().Get("limit"))
	if err != nil || limit > 100 {
		limit = 100
	}
	all := []map[string]any{}
	for _, i := range slices.Backward(p.incidents) {
		all = append(all, i.shown(p))
	}
	answer(w, http.StatusOK, all[:min(limit, len(all))])
}

func (i *incident) shown(p *kept) map[string]any {
	updates, affected := []any{}, []any{}
	for n, u := range slices.Backward(i.updates) { // the newest first
		updates = append(updates, map[string]any{"id": fmt.Sprintf("upd%09d", n), "incident_id": i.id, "status": u.Status, "body": u.Text, "deliver_notifications": !u.Quiet})
	}
	for _, c := range p.components {
		if slices.Contains(i.components, c["id"].(string)) {
			affected = append(affected, c)
		}
	}
	return map[string]any{"id": i.id, "page_id": p.ID, "name": i.name, "status": i.status, "impact": i.impact, "impact_override": nil, "metadata": i.metadata,
		"shortlink": "https://stspg.io/" + i.id, "created_at": i.created.UTC().Format(time.RFC3339), "incident_updates": updates, "components": affected}
}

// content is what a request says of an incident.
type content struct {
	Name       string            `json:"name"`
	Status     string            `json:"status"`
	Body       string            `json:"body"`
	Impact     string            `json:"impact_override"`
	Metadata   map[string]any    `json:"metadata"`
	Deliver    *bool             `json:"deliver_notifications"`
	Components map[string]string `json:"components"`
	IDs        []string          `json:"component_ids"`
}

// read reads a request, nil after it was refused.
func read(w http.ResponseWriter, r *http.Request, p *kept) *content {
	var body struct {
		Incident *content `json:"incident"`
	}
	if json.NewDecoder(r.Body).Decode(&body) != nil || body.Incident == nil {
		answer(w, http.StatusBadRequest, map[string]any{"error": "incident is missing"})
		return nil
	}
	c := body.Incident
	var wrong []string
	if c.Status != "" && !slices.Contains([]string{"investigating", "identified", "monitoring", "resolved"}, c.Status) {
		wrong = append(wrong, "Status is not included in the list")
	}
	for _, v := range c.Metadata {
		if _, object := v.(map[string]any); !object {
			wrong = append(wrong, "Metadata values must be objects")
		}
	}
	for id := range c.Components {
		if !slices.ContainsFunc(p.components, func(known map[string]any) bool { return known["id"] == id }) || !slices.Contains(c.IDs, id) {
			wrong = append(wrong, "Components are invalid")
		}
	}
	if len(wrong) > 0 {
		answer(w, http.StatusUnprocessableEntity, map[string]any{"error": wrong})
		return nil
	}
	return c
}

func (s *Server) create(w http.ResponseWriter, r *http.Request, p *kept) {
	c := read(w, r, p)
	if c == nil {
		return
	}
	if c.Name == "" || len([]rune(c.Name)) > 255 {
		answer(w, http.StatusUnprocessableEntity, map[string]any{"error": []string{"Name can't be blank or too long"}})
		return
	}
	i := &incident{id: fmt.Sprintf("inc%09d", len(p.incidents)), name: c.Name, status: "investigating", impact: "none", created: time.Now(), metadata: map[string]any{}}
	p.incidents = append(p.incidents, i)
	s.apply(p, i, c)
	answer(w, http.StatusCreated, i.shown(p))
}

func (s *Server) update(w http.ResponseWriter, r *http.Request, p *kept) {
	at := slices.IndexFunc(p.incidents, func(i *incident) bool { return i.id == r.PathValue("id") })
	if at < 0 {
		answer(w, http.StatusNotFound, map[string]any{"error": "Record not found"})
		return
	}
	if c := read(w, r, p); c != nil {
		s.apply(p, p.incidents[at], c)
		answer(w, http.StatusOK, p.incidents[at].shown(p))
	}
}

// apply does to an incident what a request says.
func (s *Server) apply(p *kept, i *incident, c *content) {
	if c.Name != "" {
		i.name = c.Name
	}
	if c.Status != "" {
		i.status = c.Status
	}
	if c.Impact != "" {
		i.impact = c.Impact
	}
	if c.Metadata != nil && !s.merges {
		i.metadata = map[string]any{}
	}
	maps.Copy(i.metadata, c.Metadata)
	for _, id := range c.IDs {
		if !slices.Contains(i.components, id) {
			i.components = append(i.components, id)
		}
	}
	for _, known := range p.components {
		if state, named := c.Components[known["id"].(string)]; named {
			known["status"] = state
		}
	}
	if c.Body != "" {
		i.updates = append(i.updates, Update{i.status, c.Body, c.Deliver != nil && !*c.Deliver})
	}
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}
