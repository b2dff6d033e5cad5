package pagerdutytest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// enqueue is the Events API v2.
func (s *Sink) enqueue(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var e map[string]any
	if err := json.NewDecoder(r.Body).Decode(&e); err != nil {
		invalid(w, "JSON cannot be read")
		return
	}
	key, _ := e["routing_key"].(string)
	if len(key) != 32 {
		invalid(w, "Length of 'routing_key' is incorrect (should be 32 characters)")
		return
	}
	at := slices.IndexFunc(s.services, func(one Service) bool { return one.RoutingKey == key })
	if at < 0 {
		invalid(w, "Invalid routing key "+key) // so that a test sees whether it is shown
		return
	}
	action, _ := e["event_action"].(string)
	dedup, _ := e["dedup_key"].(string)
	payload, _ := e["payload"].(map[string]any)
	severity, _ := payload["severity"].(string)
	switch {
	case action != "trigger" && action != "acknowledge" && action != "resolve":
		invalid(w, "'event_action' is invalid")
		return
	case dedup == "" || len(dedup) > 255:
		invalid(w, "'dedup_key' is missing, blank or too long")
		return
	case action == "trigger" && (payload["summary"] == nil || payload["source"] == nil || !slices.Contains([]string{"critical", "error", "warning", "info"}, severity)):
		invalid(w, "'payload.summary', 'payload.source' or 'payload.severity' is missing or invalid")
		return
	}
	s.events = append(s.events, e)
	s.apply(s.services[at], action, dedup, payload)
	answer(w, http.StatusAccepted, map[string]any{"status": "success", "message": "Event processed", "dedup_key": dedup})
}

// apply does what an event says to the open incident of its key. Events about
// none, or about a resolved one, are dropped, but for a trigger.
func (s *Sink) apply(service Service, action, key string, payload map[string]any) {
	var open *incident
	for _, i := range s.incidents {
		if i.key == key && i.service == service && i.status != "resolved" {
			open = i
		}
	}
	now, agent := s.Now(), serviceAgent(service)
	switch {
	case action == "trigger" && open == nil:
		title, _ := payload["summary"].(string)
		severity, _ := payload["severity"].(string)
		s.incidents = append(s.incidents, &incident{id: fmt.Sprintf("PINC%03d", len(s.incidents)), key: key, status: "triggered",
			title: title, severity: severity, service: service, created: now, seen: s.asked + s.Late,
			log: []entry{{"trigger_log_entry", now, agent}}})
	case open == nil:
	case action == "trigger":
		text, _ := payload["summary"].(string)
		open.said = append(open.said, text)
		open.log = append(open.log, entry{"trigger_log_entry", now, agent})
	case action == "acknowledge" && open.status == "triggered":
		open.status = "acknowledged"
		open.log = append(open.log, entry{"acknowledge_log_entry", now, agent})
	case action == "resolve":
		open.status = "resolved"
		open.log = append(open.log, entry{"resolve_log_entry", now, agent})
	}
}

func (s *Sink) authorized(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		if r.Header.Get("Authorization") != "Token token="+Token {
			refuse(w, http.StatusUnauthorized, "Unauthorized: "+r.Header.Get("Authorization"))
			return
		}
		next(w, r)
	}
}

func (s *Sink) list(w http.ResponseWriter, r *http.Request) {
	s.asked++
	query := r.URL.Query()
	out := []any{}
	for n := len(s.incidents) - 1; n >= 0; n-- { // the newest first, as is asked for
		i := s.incidents[n]
		if key := query.Get("incident_key"); key != "" && i.key != key || i.seen > s.asked {
			continue
		}
		if ids := query["service_ids[]"]; len(ids) > 0 && !slices.Contains(ids, i.service.ID) {
			continue
		}
		out = append(out, i.shown())
	}
	if query.Get("date_range") != "all" || query.Get("sort_by") != "created_at:desc" {
		refuse(w, http.StatusBadRequest, "the sink lists all incidents, the newest first, and nothing else")
		return
	}
	limit, _ := strconv.Atoi(query.Get("limit"))
	more := len(out) > limit
	answer(w, http.StatusOK, map[string]any{"incidents": out[:min(limit, len(out))], "limit": limit, "offset": 0, "more": more})
}

func (i *incident) shown() map[string]any {
	shown := map[string]any{"id": i.id, "type": "incident", "summary": "[#1] " + i.title, "title": i.title, "status": i.status, "incident_key": i.key,
		"created_at": stamp(i.created), "service": serviceAgent(i.service), "resolve_reason": nil, "urgency": "high"}
	if i.merged != "" {
		shown["resolve_reason"] = map[string]any{"type": "merge_resolve_reason", "incident": map[string]any{"id": i.merged, "type": "incident_reference"}}
	}
	return shown
}

// incident returns the one that a request names, nil after it was refused.
func (s *Sink) incident(w http.ResponseWriter, r *http.Request) *incident {
	for _, i := range s.incidents {
		if i.id == r.PathValue("id") {
			return i
		}
	}
	refuse(w, http.StatusNotFound, "Not Found")
	return nil
}

func (s *Sink) one(w http.ResponseWriter, r *http.Request) {
	if i := s.incident(w, r); i != nil {
		answer(w, http.StatusOK, map[string]any{"incident": i.shown()})
	}
}

// entries shows two lines a page, so that there is a second one.
func (s *Sink) entries(w http.ResponseWriter, r *http.Request) {
	i := s.incident(w, r)
	if i == nil {
		return
	}
	offset, _ := strconv.Atoi(r.URL.Query().Get("offset"))
	out := []any{}
	for n := len(i.log) - 1 - offset; n >= 0 && len(out) < 2; n-- { // the newest first
		e := i.log[n]
		out = append(out, map[string]any{"id": fmt.Sprint("R", n), "type": e.kind, "created_at": stamp(e.at), "agent": e.agent, "channel": map[string]any{"type": "api"}})
	}
	answer(w, http.StatusOK, map[string]any{"log_entries": out, "limit": 2, "offset": offset, "more": offset+len(out) < len(i.log)})
}

func (s *Sink) listNotes(w http.ResponseWriter, r *http.Request) {
	if i := s.incident(w, r); i != nil {
		answer(w, http.StatusOK, map[string]any{"notes": append([]map[string]any{}, i.notes...)})
	}
}

func (s *Sink) addNote(w http.ResponseWriter, r *http.Request) {
	i := s.incident(w, r)
	if i == nil {
		return
	}
	var body struct {
		Note struct {
			Content string `json:"content"`
		} `json:"note"`
	}
	if json.NewDecoder(r.Body).Decode(&body) != nil || body.Note.Content == "" {
		refuse(w, http.StatusBadRequest, "Note content is required")
		return
	}
	if r.Header.Get("From") != User {
		refuse(w, http.StatusBadRequest, "Requester User Not Found")
		return
	}
	note := map[string]any{"id": fmt.Sprint("N", len(i.notes)), "content": body.Note.Content, "user": user(User), "created_at": stamp(s.Now())}
	i.notes, i.said = append(i.notes, note), append(i.said, body.Note.Content)
	answer(w, http.StatusOK, map[string]any{"note": note})
}

func stamp(at time.Time) string { return at.UTC().Format(time.RFC3339) }

func invalid(w http.ResponseWriter, why string) {
	answer(w, http.StatusBadRequest, map[string]any{"status": "invalid event", "message": "Event object is invalid", "errors": []string{why}})
}

func refuse(w http.ResponseWriter, status int, why string) {
	answer(w, status, map[string]any{"error": map[string]any{"message": why, "code": 2000}})
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}
