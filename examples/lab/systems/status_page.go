package systems

import (
	"context"
	"fmt"
	"time"

	"github.com/q-ecosystem/runbook/plugins/statuspage/statuspagetest"
)

// labPage is the page's ID, and its name in the configuration.
const (
	labPage     = "labstatus000"
	labPageName = "customers"
)

// StatusPage keeps incidents as Statuspage does, in this process, and shows them to
// whoever asks the lab.
type StatusPage struct {
	// Token is what the API takes.
	Token  string
	server *statuspagetest.Server
	stop   func()
}

// Incident is what customers would read.
type Incident struct {
	At     time.Time `json:"at"`
	Title  string    `json:"title"`
	Status string    `json:"status"` // investigating, identified, monitoring or resolved
	Said   []string  `json:"said"`   // the oldest first
}

// Missing implements System.
func (p *StatusPage) Missing() *Missing { return nil }

// Start implements System.
func (p *StatusPage) Start(context.Context) (err error) {
	if p.server, p.stop, err = statuspagetest.New(statuspagetest.Page{ID: labPage, Token: p.Token, Components: []string{"Website", "API"}}); err != nil {
		return fmt.Errorf("start the status page: %w", err)
	}
	return nil
}

// Stop implements System.
func (p *StatusPage) Stop() {
	if p.stop != nil {
		p.stop()
	}
}

// Describe implements System.
func (p *StatusPage) Describe() Description {
	const token = "lab.secrets/status-page"
	return Description{Secrets: map[string]string{token: p.Token},
		Lines: []Line{{Name: "status page", Where: p.server.URL, Note: "Statuspage's API: " + labPageName}},
		Entries: []Entry{{Module: "notify", Backend: "statuspage", Settings: map[string]any{"api": p.server.URL,
			"pages": map[string]any{labPageName: map[string]any{"page": labPage, "token": "file:" + token}}}}}}
}

// Incidents returns what customers would read, in the order in which it began.
func (p *StatusPage) Incidents() []Incident {
	out := []Incident{}
	for _, i := range p.server.Incidents(labPage) {
		one := Incident{At: i.Created.UTC(), Title: i.Name, Status: i.Status, Said: []string{}}
		for _, u := range i.Updates {
			one.Said = append(one.Said, u.Text)
		}
		out = append(out, one)
	}
	return out
}
