package cloudflare

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins/internal/recordset"
	contract "github.com/q-ecosystem/runbook/stdlib/dns"
)

// record is one as the API has it.
type record struct {
	ID       string          `json:"id,omitempty"`
	Name     string          `json:"name,omitempty"`
	Type     string          `json:"type,omitempty"`
	Content  string          `json:"content,omitempty"`
	TTL      uint32          `json:"ttl,omitempty"` // seconds, or automatic
	Priority *uint16         `json:"priority,omitempty"`
	Data     *data           `json:"data,omitempty"`
	Proxied  bool            `json:"proxied,omitempty"`
	Comment  string          `json:"comment,omitempty"`
	Tags     []string        `json:"tags,omitempty"`
	Settings json.RawMessage `json:"settings,omitempty"`
}

// data are the parts of an SRV or a CAA record.
type data struct {
	Priority *uint16 `json:"priority,omitempty"`
	Weight   *uint16 `json:"weight,omitempty"`
	Port     *uint16 `json:"port,omitempty"`
	Target   string  `json:"target,omitempty"`
	Flags    *uint8  `json:"flags,omitempty"`
	Tag      string  `json:"tag,omitempty"`
	Value    string  `json:"value,omitempty"`
}

// ttl returns what a resolver is told.
func (r *record) ttl() uint32 {
	if r.TTL == automatic {
		return automaticTTL
	}
	return r.TTL
}

// value returns the record's data in the one form of package dns.
func (r *record) value() (string, error) {
	text := r.Content
	switch d := r.Data; r.Type {
	case "MX":
		if r.Priority == nil {
			return "", fmt.Errorf("the MX record %q has no priority", r.Content)
		}
		text = fmt.Sprintf("%d %s", *r.Priority, r.Content)
	case "SRV":
		if d != nil && d.Priority != nil && d.Weight != nil && d.Port != nil {
			text = fmt.Sprintf("%d %d %d %s", *d.Priority, *d.Weight, *d.Port, d.Target)
		}
	case "CAA":
		if d != nil && d.Flags != nil {
			text = fmt.Sprintf("%d %s %s", *d.Flags, d.Tag, contract.Quoted(d.Value))
		}
	case "TXT":
		if !strings.HasPrefix(text, `"`) { // one text, as it is
			var parts []string
			for chunk := range slices.Chunk([]byte(text), 255) {
				parts = append(parts, contract.Quoted(string(chunk)))
			}
			text = strings.Join(parts, " ")
		}
	}
	return contract.Canonical(r.Type, text)
}

// newRecord returns what is posted for a value.
func newRecord(name, kind, value string, ttl uint32) (record, error) {
	r := record{Name: name, Type: kind, Content: value, TTL: ttl}
	switch kind {
	case "MX":
		var target string
		r.Priority = new(uint16)
		if _, err := fmt.Sscan(value, r.Priority, &target); err != nil {
			return r, err
		}
		r.Content = target
	case "SRV":
		r.Content, r.Data = "", &data{Priority: new(uint16), Weight: new(uint16), Port: new(uint16)}
		if _, err := fmt.Sscan(value, r.Data.Priority, r.Data.Weight, r.Data.Port, &r.Data.Target); err != nil {
			return r, err
		}
	case "CAA":
		r.Content, r.Data = "", &data{Flags: new(uint8)}
		if _, err := fmt.Sscan(value, r.Data.Flags, &r.Data.Tag); err != nil {
			return r, err
		}
		_, text, _ := strings.Cut(value, " "+r.Data.Tag+" ")
		r.Data.Value = strings.NewReplacer(`\"`, `"`, `\\`, `\`).Replace(strings.TrimSuffix(strings.TrimPrefix(text, `"`), `"`))
	}
	return r, nil
}

// batch is a change of several records, made wholly or not at all.
type batch struct {
	Deletes []record `json:"deletes,omitempty"`
	Patches []record `json:"patches,omitempty"`
	Posts   []record `json:"posts,omitempty"`
}

// newBatch returns what makes a set of another. What comes in the place of a
// record takes over how that was kept: proxied, its comment and its tags.
func newBatch(before, after *recordset.Set) (*batch, *effect.Error) {
	old, _ := before.Origin.([]record)
	ttl := after.TTL
	if len(old) > 0 && old[0].TTL == automatic && ttl == automaticTTL {
		ttl = automatic
	}
	if len(after.Values) > 0 && (after.TTL < leastTTL || after.TTL > mostTTL) {
		return nil, effect.Errorf(effect.CodeInvalid, "%s: Cloudflare keeps no time to live of %d seconds; nothing was sent", after.Title(), after.TTL).
			WithHint("take 1m to 1d, or from 30s on in an Enterprise zone")
	}
	if len(after.Values) > 0 && len(old) > 0 && old[0].Proxied && ttl != automatic {
		return nil, effect.Errorf(effect.CodeInvalid, "%s is proxied by Cloudflare, which chooses its time to live; nothing was sent", after.Title()).WithHint("leave ttl out")
	}
	b := &batch{}
	var gone []record
	kept := map[string]bool{}
	for _, r := range old {
		v, err := r.value()
		if err == nil && slices.Contains(after.Values, v) && !kept[v] {
			kept[v] = true
			if r.TTL != ttl {
				b.Patches = append(b.Patches, record{ID: r.ID, TTL: ttl})
			}
			continue
		}
		gone = append(gone, r)
		b.Deletes = append(b.Deletes, record{ID: r.ID})
	}
	for _, v := range after.Values {
		if kept[v] {
			continue
		}
		fresh, err := newRecord(after.Name, after.Kind, v, ttl)
		if err != nil {
			return nil, effect.Errorf(effect.CodeInvalid, "%s: %q: %v", after.Title(), v, err)
		}
		if len(old) > 0 {
			fresh.Proxied = old[0].Proxied
		}
		if len(gone) > 0 {
			fresh.Comment, fresh.Tags, fresh.Settings = gone[0].Comment, gone[0].Tags, gone[0].Settings
			gone = gone[1:]
		}
		b.Posts = append(b.Posts, fresh)
	}
	return b, nil
}
