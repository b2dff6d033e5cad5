package shoutrrr

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/nicholas-fedor/shoutrrr/pkg/router"
	"github.com/nicholas-fedor/shoutrrr/pkg/types"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// channel is one place that messages go to.
type channel struct {
	name    string
	service string // "slack": safe to show
	url     *url.URL
	title   string
	scrub   *scrubber
	several bool // one message may take several requests to the service
}

// newChannel reads one entry of the configuration. The error never shows the
// URL.
func newChannel(name string, v any) (*channel, error) {
	entry, _ := v.(map[string]any)
	raw, _ := entry["url"].(string)
	if s, ok := entry["url"].(effect.Secret); ok {
		raw = s.Reveal()
	}
	title, _ := entry["title"].(string)
	bad := func(format string, args ...any) *effect.Error {
		return effect.Errorf(effect.CodeInvalid, "configure shoutrrr: channels."+name+".url: %s", fmt.Sprintf(format, args...))
	}
	u, err := url.Parse(strings.TrimSpace(raw))
	if err != nil || u.Scheme == "" {
		return nil, bad("it is not a URL").WithHint("write SERVICE://…, as in smtp://user:password@host:25/?from=a@b&to=c@d")
	}
	service, _, _ := strings.Cut(u.Scheme, "+")
	c := &channel{name: name, service: service, url: u, title: title, scrub: newScrubber(u)}
	if _, err := (&router.ServiceRouter{}).NewService(service); err != nil {
		known := (&router.ServiceRouter{}).ListServices()
		hint := effect.DidYouMean(service, known)
		if hint == "" {
			hint = "for a webhook write generic+https://host/path"
		}
		// A token given without a scheme may have been taken for one.
		return nil, bad("its scheme names no service that is known").WithHint("%s", hint)
	}
	c.several = splits(u, service)
	if service == "matrix" { // logs in when it is made
		return c, nil
	}
	if _, err := c.open(); err != nil {
		return nil, bad("%s", c.scrub.clean(err.Error())).WithHint("see the page of the service %q in shoutrrr's documentation", service)
	}
	return c, nil
}

// open makes the service anew. Services keep state between messages and are
// not made to be used by several goroutines.
func (c *channel) open() (types.Service, error) {
	service, err := (&router.ServiceRouter{}).NewService(c.service)
	if err != nil {
		return nil, err
	}
	u := c.url
	if u.Scheme != c.service { // "generic+https": an address as the service has it
		custom, ok := service.(types.CustomURLService)
		if !ok {
			return nil, fmt.Errorf("%s takes no address of its own kind, write %s://", c.service, c.service)
		}
		if u, err = custom.GetConfigURLFromCustom(u); err != nil {
			return nil, err
		}
	}
	copied := *u
	return service, service.Initialize(&copied, nil)
}

// send sends one message. When ctx ends first, what was under way cannot be
// called back: the outcome is unknown.
func (c *channel) send(ctx context.Context, text, title string) error {
	if title == "" {
		title = c.title
	}
	type outcome struct {
		opened bool
		err    error
	}
	done := make(chan outcome, 1)
	go func() {
		defer func() { // the library's fault is not to end the plugin
			if r := recover(); r != nil {
				done <- outcome{true, errors.New("the library panicked")}
			}
		}()
		service, err := c.open()
		if err != nil {
			done <- outcome{false, err}
			return
		}
		p := params(title)
		done <- outcome{true, service.Send(text, &p)}
	}()
	select {
	case <-ctx.Done():
		return effect.Errorf(effect.CodeUnknown, "send to %s (%s): no answer from the service in time; it is not known whether it was sent",
			c.name, c.service).WithHint("look at the channel")
	case out := <-done:
		if out.err == nil {
			return nil
		}
		return c.failure(out.err, out.opened, len(text)+len(title))
	}
}
