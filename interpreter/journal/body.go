package journal

import (
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// appendBody appends b as JSON, as encoding/json would, without reflection:
// it stands on the way of every effect. Members that are JSON already (args,
// value) are checked and go in as they are.
func appendBody(buf []byte, b *effect.Body) ([]byte, error) {
	o := objectWriter{buf: append(buf, '{')}
	o.text("op", b.Op)
	o.raw("args", b.Args)
	o.text("class", string(b.Class))
	o.text("recovery", string(b.Recovery))
	o.text("key", b.Key)
	o.number("attempt", b.Attempt)
	if b.Where != (effect.Position{}) {
		o.name("where")
		where := objectWriter{buf: append(o.buf, '{')}
		where.text("file", b.Where.File)
		where.number("line", b.Where.Line)
		o.buf = append(where.buf, '}')
	}
	o.raw("value", b.Value)
	if b.Error != nil {
		text, err := json.Marshal(b.Error)
		if err != nil {
			return nil, fmt.Errorf("encode event: %w", err)
		}
		o.name("error")
		o.buf = append(o.buf, text...)
	}
	o.text("outcome", b.Outcome)
	o.text("name", b.Name)
	o.text("text", b.Text)
	o.text("by", b.By)
	o.text("reason", b.Reason)
	o.text("status", string(b.Status))
	o.text("run", b.Run)
	o.text("hash", b.Hash)
	if o.err != nil {
		return nil, fmt.Errorf("encode event: %w", o.err)
	}
	return append(o.buf, '}'), nil
}

// objectWriter appends the members of one JSON object; empty ones are left
// out.
type objectWriter struct {
	buf []byte
	err error
}

func (o *objectWriter) name(name string) {
	if o.buf[len(o.buf)-1] != '{' {
		o.buf = append(o.buf, ',')
	}
	o.buf = append(o.buf, '"')
	o.buf = append(o.buf, name...)
	o.buf = append(o.buf, '"', ':')
}

func (o *objectWriter) text(name, value string) {
	if value == "" {
		return
	}
	o.name(name)
	for i := 0; i < len(value); i++ {
		if c := value[i]; c < ' ' || c == '"' || c == '\\' || c >= 0x7f {
			text, err := json.Marshal(value)
			o.buf = append(o.buf, text...)
			if o.err == nil {
				o.err = err
			}
			return
		}
	}
	o.buf = append(o.buf, '"')
	o.buf = append(o.buf, value...)
	o.buf = append(o.buf, '"')
}

func (o *objectWriter) number(name string, value int) {
	if value != 0 {
		o.name(name)
		o.buf = strconv.AppendInt(o.buf, int64(value), 10)
	}
}

func (o *objectWriter) raw(name string, value json.RawMessage) {
	if len(value) == 0 {
		return
	}
	if !json.Valid(value) && o.err == nil {
		o.err = fmt.Errorf("%s is not JSON", name)
	}
	o.name(name)
	o.buf = append(o.buf, value...)
}
