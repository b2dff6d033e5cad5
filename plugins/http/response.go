package http

import (
	"context"
	"fmt"
	"io"
	"mime"
	nethttp "net/http"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins/internal/plainjson"
)

const (
	bodyLimit    = 64 << 10 // how much of a body the script gets, in bytes
	jsonLimit    = 1 << 20  // how large a body is read as JSON
	excerptLimit = 300      // how much of a body an error shows
)

// answered turns a response into the op's value, or into the error that its
// status is.
func (c *call) answered(ctx context.Context, resp *nethttp.Response, why string, began time.Time) (map[string]any, *effect.Error) {
	status := resp.StatusCode
	accepted := status >= 200 && status < 300
	if c.ok != nil {
		accepted = slices.Contains(c.ok, float64(status))
	}
	isJSON, limit := declaresJSON(resp.Header.Get("Content-Type")), bodyLimit
	if isJSON {
		limit = jsonLimit
	}
	data, err := io.ReadAll(io.LimitReader(resp.Body, int64(limit)+1))
	if !accepted { // its status says enough, whatever came with it
		return nil, c.refused(status, why, c.excerpt(data), resp.Header.Get("Retry-After"))
	}
	if err != nil {
		return nil, c.cutOff(ctx, status, len(data), err)
	}
	body, truncated := cut(data)
	headers := map[string]any{}
	for name, values := range resp.Header {
		headers[strings.ToLower(name)] = strings.Join(values, ", ")
	}
	value := map[string]any{"status": float64(status), "headers": headers, "body": body, "truncated": truncated, "seconds": time.Since(began).Seconds()}
	if isJSON && len(data) <= jsonLimit {
		if decoded, err := plainjson.Decode(data); err == nil && decoded != nil {
			value["json"] = decoded
		}
	}
	return value, nil
}

// cutOff explains a response that promised success and did not come to its
// end.
func (c *call) cutOff(ctx context.Context, status, got int, err error) *effect.Error {
	message := fmt.Sprintf("%s (%s) was answered %s, and the answer broke off after %d bytes: %v", c.asked, c.address, statusName(status), got, err)
	code := effect.CodeUnavailable
	if ctx.Err() != nil {
		message = fmt.Sprintf("%s (%s) was answered %s, and the answer had not ended within %s; %d bytes came", c.asked, c.address,
			statusName(status), effect.FormatDuration(c.timeout), got)
		code = effect.CodeTimeout
	}
	if c.writes {
		return c.unknown(message)
	}
	return effect.Errorf(code, "%s", message).WithHint("see the service's log")
}

// excerpt returns the beginning of a body, on one line.
func (c *call) excerpt(data []byte) string {
	text := strings.Join(strings.Fields(strings.ToValidUTF8(c.scrub.Cut(string(data[:min(len(data), 4*excerptLimit)])), "\uFFFD")), " ")
	text = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return '\uFFFD'
		}
		return r
	}, text)
	if runes := []rune(text); len(runes) > excerptLimit {
		return string(runes[:excerptLimit]) + "…"
	}
	return text
}

// cut returns the part of a body that the script gets, and whether there was
// more. No character is cut in two.
func cut(data []byte) (body string, truncated bool) {
	if len(data) <= bodyLimit {
		return string(data), false
	}
	end := bodyLimit
	for i := 0; i < utf8.UTFMax-1 && end > 0 && !utf8.RuneStart(data[end]); i++ {
		end--
	}
	return string(data[:end]), true
}

// declaresJSON reports whether a content type is one of JSON.
func declaresJSON(contentType string) bool {
	media, _, err := mime.ParseMediaType(contentType)
	return err == nil && (media == "application/json" || media == "text/json" || strings.HasSuffix(media, "+json"))
}
