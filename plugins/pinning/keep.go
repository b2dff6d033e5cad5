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
// all. What the service tells is held against what it was asked for, and
// against how many it says there are. Pages may be shorter than asked for, and
// some services count the page alone: only a page without news is the end.
func (c *call) list(states, of string) ([]pinRequest, *effect.Error) {
	var all []pinRequest
	known, total := map[string]bool{}, -1
	for before := ""; ; {
		q := query("status", states, "limit", strconv.Itoa(pageSize))
		if of != "" {
			q.Set("cid", of)
		}
		if before != "" {
			q.Set("before", before)
		}
		got, count, e := c.page(q)
		if e != nil {
			return nil, e
		}
		if total < 0 {
			total = count
		}
		fresh := false
		for _, r := range got {
			if r.ID == "" || r.Pin.CID == "" {
				return nil, effect.Errorf(effect.CodeFailed, "%s listed a pin without its CID or name: that is no answer of the API", c.service).
					WithHint("check url in the configuration of pinning: something else seems to answer there")
			}
			if of != "" && r.Pin.CID != of {
				return nil, effect.Errorf(effect.CodeFailed, "%s was asked for pins of %s and told one of %s", c.service, of, r.Pin.CID).
					WithHint("write the CID as the service shows it; if that is another content, the service does not know the filter cid and cannot be used")
			}
			if known[r.ID] {
				continue
			}
			known[r.ID], fresh, before = true, true, behind(r.Created)
			if states == pinned && r.Status != pinned {
				continue // asked by cid, some look at no state
			}
			all = append(all, r)
		}
		switch {
		case len(known) > pinsLimit:
			return nil, effect.Errorf(effect.CodeInvalid, "%s has more than %d pins", c.service, pinsLimit).WithHint("ask for one content by cid")
		case len(known) >= total && !fresh:
			return all, nil
		case !fresh:
			return nil, effect.Errorf(effect.CodeFailed, "%s tells %d of %d pins: behind those it tells no others", c.service, len(known), total).
				WithHint("ask again if pins were dropped meanwhile; services hide what is more than a page of one moment: then ask for one content by cid")
		}
	}
}

// behind returns a moment that is hardly later: what was made at the same one as
// the end of a page is on the next one, too.
func behind(created string) string {
	at, err := time.Parse(time.RFC3339, created)
	if err != nil {
		return created
	}
	return at.Add(time.Millisecond).Format(time.RFC3339Nano)
}

// first looks for requests of one content before anything is changed.
func (c *call) first(of string) ([]pinRequest, *effect.Error) {
	there, e := c.list(any4, of)
	if e != nil && !strings.HasSuffix(e.Message, "nothing was sent") {
		e.Message += "; nothing changed"
	}
	return there, e
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
	there, e := c.first(of)
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
		case e != nil && !passing(e):
			e.Message += fmt.Sprintf("; the request %s for %s stands there", r.ID, want.CID)
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
	there, e := c.first(of)
	if e != nil {
		return nil, e
	}
	was := false
	for i, r := range there {
		if _, e := c.ask(http.MethodDelete, "/"+r.ID, nil, nil, nil, true); e != nil {
			if i > 0 { // the call is not what it was any more, whatever this error says
				e = effect.Errorf(effect.CodeUnknown, "%d of %d requests for %s were dropped; %s", i, len(there), of, e.Message).WithHint("%s", e.Hint)
			}
			return nil, e
		}
		was = was || r.Status == pinned
	}
	if len(there) > 0 {
		if e := c.dropped(of); e != nil {
			return nil, e
		}
	}
	return map[string]any{"cid": of, "was_pinned": was}, nil
}

// dropped waits until the service lists no request for content any more, which
// may take a while.
func (c *call) dropped(of string) *effect.Error {
	for {
		left, e := c.list(any4, of)
		switch {
		case e != nil && (c.ctx.Err() != nil || !passing(e)):
			return effect.Errorf(effect.CodeUnknown, "%s was told to drop %s, and then did not say whether it has: %s", c.service, of, e.Message).
				WithHint("the call is sent again, which does no harm")
		case e != nil:
			c.show(e.Message + "; asked again")
		case len(left) == 0:
			return nil
		}
		select {
		case <-c.ctx.Done():
			if e != nil {
				continue // says above that it did not say
			}
			return effect.Errorf(effect.CodeTimeout, "%s took the order to drop %s, and still lists it as %s after %s", c.service, of, left[0].Status,
				effect.FormatDuration(c.limit)).WithHint("somebody else may have pinned it meanwhile; see the service's own pages, and try again")
		case <-time.After(c.every):
		}
	}
}

// passing reports whether another look may succeed where one failed.
func passing(e *effect.Error) bool {
	return e.Retryable || e.Code == effect.CodeUnavailable || e.Code == effect.CodeTimeout
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
