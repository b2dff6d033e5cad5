package vault

import (
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins/internal/versions"
)

// defaultKept is how many versions the engine keeps of a secret where nobody says.
const defaultKept = 10

// history are the versions of a secret.
type history struct {
	current  int // the newest that was ever made; 0 for none
	kept     int // how many it keeps by its own setting; 0 for the mount's
	versions map[int]state
}

// state is what the engine knows of a version.
type state struct {
	Destroyed bool   `json:"destroyed"`
	Deletion  string `json:"deletion_time"` // "" if it is not deleted, nor will be
}

// valid reports whether a version can be read.
func (s state) valid() bool {
	if s.Destroyed || s.Deletion == "" {
		return !s.Destroyed
	}
	at, err := time.Parse(time.RFC3339Nano, s.Deletion)
	return err == nil && time.Now().Before(at)
}

// history reads them; of a secret that there is none of it is empty.
func (b *Backend) history(ctx context.Context, at location) (*history, *effect.Error) {
	var got struct {
		Data struct {
			Current  int              `json:"current_version"`
			Kept     int              `json:"max_versions"`
			Versions map[string]state `json:"versions"`
		} `json:"data"`
	}
	path := b.settings.mount + "/metadata/" + at.path
	status, e := b.ask(ctx, question{method: http.MethodGet, path: path, what: "list the versions of " + at.path, may: "read on " + path}, &got, http.StatusNotFound)
	if e != nil {
		return nil, e
	}
	h := &history{versions: map[int]state{}}
	if status == http.StatusNotFound {
		return h, nil
	}
	h.current, h.kept = got.Data.Current, got.Data.Kept
	for number, s := range got.Data.Versions {
		n, err := strconv.Atoi(number)
		if err != nil {
			return nil, effect.Errorf(effect.CodeFailed, "list the versions of %s: %q is no version", at.path, number)
		}
		h.versions[n] = s
	}
	return h, nil
}

// numbers lists the versions, oldest first.
func (h *history) numbers() []int { return slices.Sorted(maps.Keys(h.versions)) }

// valid lists those that can be read, oldest first.
func (h *history) valid() []int {
	return slices.DeleteFunc(h.numbers(), func(n int) bool { return !h.versions[n].valid() })
}

// newest returns the newest that can be read, 0 if none can.
func (h *history) newest() int {
	if list := h.valid(); len(list) > 0 {
		return list[len(list)-1]
	}
	return 0
}

// told is what rotate says of the version that it has made.
func (h *history) told(made int) map[string]any {
	out := map[string]any{"version": strconv.Itoa(made)}
	list := slices.DeleteFunc(h.numbers(), func(n int) bool { return n >= made })
	if len(list) > 0 {
		out["previous"] = strconv.Itoa(list[len(list)-1])
	}
	return out
}

// content reads a version: its fields, in JSON.
func (b *Backend) content(ctx context.Context, at location, version int) (map[string]json.RawMessage, *effect.Error) {
	var got struct {
		Data struct {
			Data map[string]json.RawMessage `json:"data"`
		} `json:"data"`
	}
	path, number := b.settings.mount+"/data/"+at.path, strconv.Itoa(version)
	status, e := b.ask(ctx, question{method: http.MethodGet, path: path, query: url.Values{"version": {number}},
		what: "read version " + number + " of " + at.path, may: "read on " + path}, &got, http.StatusNotFound)
	switch {
	case e != nil:
		return nil, e
	case status == http.StatusNotFound || got.Data.Data == nil: // it went after it was listed
		return nil, effect.Errorf(effect.CodeConflict, "version %s of %s was ended while it was read", number, at.path).WithHint("try again: somebody else changes it at the same time")
	}
	return got.Data.Data, nil
}

// made returns the version that an effect made, 0 if none that can be read tells of
// one. Whoever changes another field by hand takes the mark along into a version of
// theirs, so that it says which one it is of.
func (b *Backend) made(ctx context.Context, at location, h *history, key string) (int, *effect.Error) {
	for _, n := range slices.Backward(h.valid()) {
		content, e := b.content(ctx, at, n)
		switch {
		case e != nil && e.Code == effect.CodeConflict:
			continue
		case e != nil:
			return 0, e
		}
		digest, version, _ := strings.Cut(text(content[b.settings.mark]), "@")
		if made, err := strconv.Atoi(version); err == nil && digest == versions.Mark(key) {
			return made, nil
		}
	}
	return 0, nil
}

// marked is the mark of a version that an effect makes.
func marked(key string, version int) string {
	return versions.Mark(key) + "@" + strconv.Itoa(version)
}

// text returns a field as a text: what is none is told in JSON.
func text(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) == nil {
		return s
	}
	return string(raw)
}
