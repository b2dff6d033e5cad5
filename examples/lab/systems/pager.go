package systems

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/q-ecosystem/runbook/plugins/pagerduty/pagerdutytest"
)

// Pager takes pages as PagerDuty does, in this process, and calls nobody.
type Pager struct {
	sink *pagerdutytest.Sink
	stop func()
}

// Page is somebody who was called.
type Page struct {
	At     time.Time `json:"at"`
	Key    string    `json:"key"`
	To     string    `json:"to"`
	Text   string    `json:"text"`
	Status string    `json:"status"`         // triggered, acknowledged or resolved
	Said   []string  `json:"said,omitempty"` // what came later
}

// pagerServices returns who can be called.
func pagerServices() []pagerdutytest.Service {
	return []pagerdutytest.Service{pagerdutytest.NewService(1, "on-call"), pagerdutytest.NewService(2, "manager")}
}

// Missing implements System.
func (p *Pager) Missing() *Missing { return nil }

// Start implements System.
func (p *Pager) Start(context.Context) (err error) {
	if p.sink, p.stop, err = pagerdutytest.New(pagerServices()...); err != nil {
		return fmt.Errorf("start the pager: %w", err)
	}
	return nil
}

// Stop implements System.
func (p *Pager) Stop() {
	if p.stop != nil {
		p.stop()
	}
}

// Describe implements System.
func (p *Pager) Describe() Description {
	const token = "lab.secrets/pager-token"
	d := Description{Secrets: map[string]string{token: pagerdutytest.Token},
		Lines: []Line{{Name: "pager", Where: p.sink.URL, Note: "PagerDuty's APIs: on-call, manager"}}}
	services := map[string]any{}
	for _, s := range pagerServices() {
		key := "lab.secrets/pager-" + s.Name
		d.Secrets[key] = s.RoutingKey
		services[s.Name] = map[string]any{"routing_key": "file:" + key, "service": s.ID}
	}
	d.Entries = []Entry{{Module: "notify", Backend: "pagerduty", Settings: map[string]any{"api": p.sink.URL, "events": p.sink.URL,
		"api_token": "file:" + token, "from": pagerdutytest.User, "services": services}}}
	return d
}

// Pages returns who was called, in the order in which that began.
func (p *Pager) Pages() []Page {
	pages := []Page{}
	for key, one := range p.sink.Pages() {
		pages = append(pages, Page{At: one.Created.UTC(), Key: key, To: one.To, Text: one.Text, Status: one.Status, Said: one.Said})
	}
	slices.SortFunc(pages, func(a, b Page) int {
		if c := a.At.Compare(b.At); c != 0 {
			return c
		}
		return strings.Compare(a.Key, b.Key)
	})
	return pages
}

// Acknowledge lets a person take on all pages that nobody has taken on, and
// returns how many these were.
func (p *Pager) Acknowledge(person string) int {
	n := 0
	for _, page := range p.Pages() {
		if page.Status == "triggered" && p.sink.Acknowledge(page.Key, person) {
			n++
		}
	}
	return n
}
