package pinning

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// pinsLimit bounds how many pins are told: what an effect returns is bounded.
const pinsLimit = 50_000

// cid reads the argument of that name, as people write it. Whether it is one,
// the service says.
func (c *call) cid() (string, *effect.Error) {
	text := str(c.args["cid"])
	if strings.ContainsAny(text, "/?#& \t\r\n,") || len(text) < 2 {
		return "", effect.Errorf(effect.CodeInvalid, "cid: %q is no CID; nothing was sent", text).
			WithHint("write the CID alone (Qm… or baf…): no path, no /ipfs/ before it, no name of IPNS")
	}
	return text, nil
}

// list returns all requests in these states, of one content or, with "", of
// all.
func (c *call) list(states, of string) ([]pinRequest, *effect.Error) {
	var all []pinRequest
	known := map[string]bool{}
	for before := ""; ; {
		q := query("status", states, "limit", strconv.Itoa(pageSize))
		if of != "" {
			q.Set("cid", of)
		}
		if before != "" {
			q.Set("before", before)
		}
		got, e := c.page(q)
		if e != nil {
			return nil, e
		}
		fresh := false
		for _, r := range got {
			if r.ID == "" || r.Pin.CID == "" {
				return nil, effect.Errorf(effect.CodeFailed, "%s listed a pin without its CID or name: that is no answer of the API", c.service).
					WithHint("check url in the configuration of pinning: something else seems to answer there")
			}
			if known[r.ID] {
				continue
			}
			known[r.ID], fresh = true, true
			all, before = append(all, r), r.Created
		}
		switch {
		case len(all) > pinsLimit:
			return nil, effect.Errorf(effect.CodeInvalid, "%s has more than %d pins", c.service, pinsLimit).WithHint("ask for one content by cid")
		case len(got) < pageSize:
			return all, nil
		case !fresh:
			return nil, effect.Errorf(effect.CodeFailed, "%s has %d pins made at one moment, behind which it tells no others", c.service, pageSize).
				WithHint("ask for one content by cid")
		}
	}
}

// pins lists what is pinned. Services pin all below a content, and nothing
// else.
func (c *call) pins() (map[string]any, *effect.Error) {
	of := ""
	if str(c.args["cid"]) != "" {
		var e *effect.Error
		if of, e = c.cid(); e != nil {
			return nil, e
		}
	}
	pins := []any{}
	if kind := str(c.args["type"]); kind == "" || kind == "recursive" || kind == "all" {
		found, e := c.list(pinned, of)
		if e != nil {
			return nil, e
		}
		slices.SortStableFunc(found, func(a, b pinRequest) int { return strings.Compare(a.Pin.CID, b.Pin.CID) })
		for _, r := range found {
			pins = append(pins, map[string]any{"cid": r.Pin.CID, "type": "recursive", "name": r.Pin.Name})
		}
	}
	return map[string]any{"pins": pins, "count": float64(len(pins))}, nil
}

// pin lets the service fetch content and keep it, and waits until it does.
func (c *call) pin() (map[string]any, *effect.Error) {
	of, e := c.cid()
	if e != nil {
		return nil, e
	}
	there, e := c.list(any4, of)
	if e != nil {
		return nil, e
	}
	want := pin{CID: of, Name: str(c.args["name"])}
	from, _ := c.args["from"].([]any)
	for _, v := range from {
		want.Origins = append(want.Origins, str(v))
	}
	r, e := c.placed(there, want)
	if e != nil {
		return nil, e
	}
	if e = c.settled(r, want); e != nil {
		return nil, e
	}
	return map[string]any{"cid": of, "type": "recursive"}, nil
}

// placed returns the request to wait for: the best one that is there, under
// the wanted name, or a new one.
func (c *call) placed(there []pinRequest, want pin) (pinRequest, *effect.Error) {
	rank := []string{pinned, pinning, queued}
	slices.SortStableFunc(there, func(a, b pinRequest) int {
		named := func(r pinRequest) int {
			if r.Pin.Name == want.Name {
				return 0
			}
			return 1
		}
		at := func(r pinRequest) int { return slices.Index(rank, r.Status)*2 + named(r) }
		return at(a) - at(b)
	})
	there = slices.DeleteFunc(there, func(r pinRequest) bool { return !slices.Contains(rank, r.Status) })
	var r pinRequest
	switch {
	case len(there) == 0:
		if _, e := c.ask(http.MethodPost, "", nil, want, &r, true); e != nil {
			return r, e
		}
	case want.Name != "" && there[0].Pin.Name != want.Name: // replaced in one step: what is pinned stays pinned
		if want.Origins == nil {
			want.Origins = there[0].Pin.Origins
		}
		gone, e := c.ask(http.MethodPost, "/"+there[0].ID, nil, want, &r, true)
		if e != nil {
			return r, e
		}
		if gone {
			return c.placed(nil, want)
		}
	default:
		return there[0], nil
	}
	if r.ID == "" {
		return r, effect.Errorf(effect.CodeUnknown, "%s took the pin of %s and did not say under which name", c.service, want.CID).
			WithHint("the call is sent again, which does no harm: it finds what is there")
	}
	return r, nil
}

// settled waits until a request has come to its end.
func (c *call) settled(r pinRequest, want pin) *effect.Error {
	told := ""
	for {
		switch r.Status {
		case pinned:
			return nil
		case failed:
			return effect.Errorf(effect.CodeFailed, "%s could not pin %s (request %s): %s", c.service, want.CID, r.ID, or(c.detail(r), "it does not say why")).
				WithHint("see that somebody who has the content can be reached from there: name nodes in from; ipfs.unpin takes the failed request away")
		}
		if line := fmt.Sprintf("%s is %s at %s", want.CID, or(r.Status, "in no state"), c.name) + before(": ", c.detail(r)); line != told {
			told = line
			c.show(line)
		}
		select {
		case <-c.ctx.Done():
			return effect.Errorf(effect.CodeTimeout, "%s had not pinned %s within %s; it is %s there, and the request %s stands", c.service, want.CID,
				effect.FormatDuration(c.limit), or(r.Status, "in no state"), r.ID).
				WithHint("see that somebody who has the content can be reached from there: name nodes in from; wait longer with timeout, or end it with ipfs.unpin")
		case <-time.After(c.every):
		}
		var now pinRequest
		gone, e := c.ask(http.MethodGet, "/"+r.ID, nil, nil, &now, false)
		switch {
		case c.ctx.Err() != nil:
			continue // says above that it took too long
		case e != nil && !e.Retryable && e.Code != effect.CodeUnavailable && e.Code != effect.CodeTimeout:
			return e
		case e != nil:
			c.show(e.Message + "; asked again")
		case gone:
			return effect.Errorf(effect.CodeConflict, "somebody took the request %s for %s away from %s while it was waited for", r.ID, want.CID, c.service).
				WithHint("find out who; then pin it again")
		default:
			r = now
		}
	}
}

// unpin takes all requests for content away, also those that are on their way.
func (c *call) unpin() (map[string]any, *effect.Error) {
	of, e := c.cid()
	if e != nil {
		return nil, e
	}
	there, e := c.list(any4, of)
	if e != nil {
		return nil, e
	}
	was := false
	for _, r := range there {
		if _, e := c.ask(http.MethodDelete, "/"+r.ID, nil, nil, nil, true); e != nil {
			return nil, e
		}
		was = was || r.Status == pinned
	}
	for len(there) > 0 { // services may take a while
		if there, e = c.list(any4, of); e != nil {
			return nil, effect.Errorf(effect.CodeUnknown, "%s was told to drop %s, and then did not say whether it has: %s", c.service, of, e.Message).
				WithHint("the call is sent again, which does no harm")
		}
		if len(there) == 0 {
			break
		}
		select {
		case <-c.ctx.Done():
			return nil, effect.Errorf(effect.CodeTimeout, "%s took the order to drop %s, and still lists it as %s after %s", c.service, of, there[0].Status,
				effect.FormatDuration(c.limit)).WithHint("somebody else may have pinned it meanwhile; see the service's own pages, and try again")
		case <-time.After(c.every):
		}
	}
	return map[string]any{"cid": of, "was_pinned": was}, nil
}

func or(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}

// before puts something before a text, if there is one.
func before(front, text string) string {
	if text == "" {
		return ""
	}
	return front + text
}
