package vault

import (
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins/internal/versions"
)

const (
	// tries is how often a version is written anew where somebody else wrote one
	// at the same time.
	tries = 3
	// largest bounds a value, in bytes. The engine takes requests of 32 MiB, and
	// its storage as a rule entries of less than 1 MiB.
	largest = 512 << 10
)

// get returns the value of a version, of the newest valid one if none is named.
func (b *Backend) get(ctx context.Context, at location, wanted string) (map[string]any, *effect.Error) {
	h, e := b.existing(ctx, at)
	if e != nil {
		return nil, e
	}
	version := h.newest()
	switch {
	case wanted != "":
		if version, e = h.named(at, wanted); e != nil {
			return nil, e
		}
		if state := h.versions[version]; !state.valid() && !state.Destroyed { // somebody may restore it
			return nil, effect.Errorf(effect.CodeRefused, "version %s of %s was deleted", wanted, at.path).
				WithHint("restore it (undelete), or get the newest one: leave version out")
		} else if !state.valid() {
			return nil, effect.Errorf(effect.CodeGone, "version %s of %s was revoked", wanted, at.path).WithHint("get the newest one: leave version out")
		}
	case version == 0:
		return nil, effect.Errorf(effect.CodeNotFound, "no version of %s is valid", at.path).WithHint("make a new one with secrets.rotate")
	}
	content, e := b.content(ctx, at, version)
	if e != nil {
		return nil, e
	}
	raw, ok := content[at.field]
	if !ok {
		return nil, b.lacks(at, version, content)
	}
	value := text(raw)
	if value == "" {
		return nil, effect.Errorf(effect.CodeInvalid, "the field %s of version %d of %s is empty", at.field, version, at.path).WithHint("give it a value with secrets.rotate")
	}
	return map[string]any{"value": value, "version": strconv.Itoa(version)}, nil
}

// lacks says that there is no such field.
func (b *Backend) lacks(at location, version int, content map[string]json.RawMessage) *effect.Error {
	names := slices.DeleteFunc(slices.Sorted(maps.Keys(content)), func(name string) bool { return name == b.settings.mark })
	e := effect.Errorf(effect.CodeNotFound, "version %d of %s has no field %q", version, at.path, at.field)
	if len(names) == 0 {
		return e.WithHint("give it one with secrets.rotate")
	}
	return e.WithHint("it has %s: name one as %s#%s", strings.Join(names, ", "), at.path, names[0])
}

// rotate adds a version, unless the effect with this key did so before. An empty
// value stands for one that is made, of that length.
func (b *Backend) rotate(ctx context.Context, at location, value string, length int, key string) (map[string]any, *effect.Error) {
	if len(value) > largest {
		return nil, effect.Errorf(effect.CodeInvalid, "the value is larger than %d bytes", largest)
	}
	if value == "" {
		made, err := versions.Generate(length)
		if err != nil {
			return nil, effect.Errorf(effect.CodeFailed, "no random value can be made: %v", err)
		}
		value = made
	}
	for range tries {
		h, e := b.history(ctx, at)
		if e != nil {
			return nil, e
		}
		made, e := b.made(ctx, at, h, key)
		if e != nil {
			return nil, e
		}
		if made != 0 {
			return h.told(made), nil
		}
		made, e = b.write(ctx, at, h, value, key)
		if e != nil {
			return nil, e
		}
		if made != 0 {
			return h.told(made), nil
		}
	}
	e := effect.Errorf(effect.CodeConflict, "somebody else made new versions of %s %d times while one was to follow; nothing changed", at.path, tries).
		WithHint("find who rotates it at the same time; a lock keeps runs from each other")
	e.Retryable = true
	return nil, e
}

// write adds a version to those of h, and returns its number: 0 where h is no
// longer true.
func (b *Backend) write(ctx context.Context, at location, h *history, value, key string) (int, *effect.Error) {
	if e := b.room(ctx, at, h); e != nil {
		return 0, e
	}
	content := map[string]json.RawMessage{}
	if newest := h.newest(); newest != 0 {
		var e *effect.Error
		if content, e = b.content(ctx, at, newest); e != nil {
			if e.Code == effect.CodeConflict {
				return 0, nil
			}
			return 0, e
		}
	}
	for name, text := range map[string]string{at.field: value, b.settings.mark: marked(key, h.current+1)} {
		raw, err := json.Marshal(text)
		if err != nil {
			return 0, effect.Errorf(effect.CodeInvalid, "the field %s cannot be written as JSON", name)
		}
		content[name] = raw
	}
	return b.put(ctx, at, h.current, content, "see whether there is a version whose field "+b.settings.mark+" is "+marked(key, h.current+1))
}

// put writes the version that follows the one that is named, and returns its
// number: 0 where that is not the newest any more. hint is for an answer that is lost.
func (b *Backend) put(ctx context.Context, at location, after int, content any, hint string) (int, *effect.Error) {
	var got struct {
		Data struct {
			Version int `json:"version"`
		} `json:"data"`
		Errors []string `json:"errors"`
	}
	path := b.settings.mount + "/data/" + at.path
	status, e := b.ask(ctx, question{method: http.MethodPost, path: path,
		what: "make version " + strconv.Itoa(after+1) + " of " + at.path, may: "create and update on " + path, hint: hint,
		body: map[string]any{"options": map[string]any{"cas": after}, "data": content}}, &got, http.StatusBadRequest)
	switch said := strings.Join(got.Errors, "; "); {
	case e != nil:
		return 0, e
	case status == http.StatusBadRequest && strings.Contains(said, "check-and-set"):
		return 0, nil
	case status == http.StatusBadRequest:
		return 0, effect.Errorf(effect.CodeRefused, "make version %d of %s: %s; nothing changed", after+1, at.path, said).WithHint("see the server's log")
	}
	return got.Data.Version, nil
}

// room refuses a new version that would push out one that is valid: the engine
// keeps so many of them, counting what was destroyed, too.
func (b *Backend) room(ctx context.Context, at location, h *history) *effect.Error {
	var got struct {
		Data struct {
			Kept int `json:"max_versions"`
		} `json:"data"`
	}
	path := b.settings.mount + "/config"
	// Who may write secrets need not see the configuration of their mount.
	if _, e := b.ask(ctx, question{method: http.MethodGet, path: path, what: "read how many versions " + b.settings.mount + " keeps", may: "read on " + path},
		&got, http.StatusForbidden, http.StatusNotFound); e != nil {
		return e
	}
	kept := max(h.kept, got.Data.Kept)
	if kept == 0 {
		kept = defaultKept
	}
	for _, n := range h.valid() {
		if n <= h.current+1-kept {
			return effect.Errorf(effect.CodeConflict, "the secret %s keeps %d versions: a new one would end version %d, which is valid; nothing changed", at.path, kept, n).
				WithHint(`end it with secrets.revoke { name = "%s", version = "%d" } once nothing uses it, or raise max_versions of the secret`, at.name, n)
		}
	}
	return nil
}

// revoke destroys a version for good.
func (b *Backend) revoke(ctx context.Context, at location, wanted string) (map[string]any, *effect.Error) {
	h, e := b.existing(ctx, at)
	if e != nil {
		return nil, e
	}
	version, e := h.named(at, wanted)
	if e != nil {
		return nil, e
	}
	if !h.versions[version].Destroyed {
		if e := b.destroy(ctx, at, "revoke it once more: to destroy version "+wanted+" twice is to destroy it once", version); e != nil {
			return nil, e
		}
		h.versions[version] = state{Destroyed: true}
	}
	left := []any{}
	for _, n := range h.valid() {
		left = append(left, strconv.Itoa(n))
	}
	return map[string]any{"version": wanted, "valid": left}, nil
}

// destroy ends versions for good. hint is for an answer that is lost.
func (b *Backend) destroy(ctx context.Context, at location, hint string, numbers ...int) *effect.Error {
	path := b.settings.mount + "/destroy/" + at.path
	_, e := b.ask(ctx, question{method: http.MethodPut, path: path, what: "destroy version " + listed(numbers) + " of " + at.path, may: "update on " + path,
		hint: hint, body: map[string]any{"versions": numbers}}, nil)
	return e
}

// existing reads the history of a secret that has one.
func (b *Backend) existing(ctx context.Context, at location) (*history, *effect.Error) {
	h, e := b.history(ctx, at)
	if e == nil && len(h.versions) == 0 {
		e = effect.Errorf(effect.CodeNotFound, "there is no secret %s in %s", at.path, b.settings.mount).
			WithHint("check the name, or make it with secrets.rotate; the server says the same of a mount that it does not have: `mount`")
	}
	return h, e
}

// named returns the version that a runbook names.
func (h *history) named(at location, wanted string) (int, *effect.Error) {
	n, err := strconv.Atoi(wanted)
	if _, ok := h.versions[n]; err == nil && ok && strconv.Itoa(n) == wanted {
		return n, nil
	}
	return 0, effect.Errorf(effect.CodeNotFound, "there is no version %s of %s", wanted, at.path).WithHint("there are %s", listed(h.numbers()))
}

// listed returns numbers as a text.
func listed(numbers []int) string {
	words := make([]string, len(numbers))
	for i, n := range numbers {
		words[i] = strconv.Itoa(n)
	}
	return strings.Join(words, ", ")
}
