package journal

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// TestBodyKeepsItsBytes: what a replay compares comes back as it was recorded.
func TestBodyKeepsItsBytes(t *testing.T) {
	for _, b := range []effect.Body{
		{},
		{Op: "run.now", Class: effect.Value, Value: json.RawMessage("1.5e9")},
		{Args: json.RawMessage(`{"a":["<b> & 'c'\u2028"]}`), Value: json.RawMessage("\"\u2028 ü\""), Recovery: effect.Forgo, Key: "k", Attempt: -2, Where: effect.Position{Line: 3}},
		{Value: json.RawMessage("null"), Text: "ü \"<\n\u2029", Where: effect.Position{File: "x"}, Error: &effect.Error{Code: "x", Message: "<m>"}},
	} {
		text, err := encodeBody(&b)
		if err != nil {
			t.Fatal(err)
		}
		var back effect.Body
		if err := decodeBody(text, &back); err != nil || !reflect.DeepEqual(b, back) {
			t.Errorf("stored %s\nread %+v, %v\nwant %+v", text, back, err, b)
		}
	}
	if text, err := encodeBody(&effect.Body{Args: json.RawMessage(`{"a"`)}); err == nil {
		t.Errorf("arguments that are no JSON were stored: %s", text)
	}
}

// TestBodyMembers fails when effect.Body grows a member that is not stored.
func TestBodyMembers(t *testing.T) {
	var b effect.Body
	v := reflect.ValueOf(&b).Elem()
	for i := range v.NumField() {
		switch f := v.Field(i); f.Interface().(type) {
		case json.RawMessage:
			f.SetBytes([]byte("1"))
		case effect.Position:
			b.Where = effect.Position{File: "f", Line: 1}
		case *effect.Error:
			b.Error = &effect.Error{Code: "c", Message: "m"}
		case []string:
			f.Set(reflect.ValueOf([]string{"a", "b"}))
		case int:
			f.SetInt(1)
		default:
			f.SetString(v.Type().Field(i).Name)
		}
	}
	text, err := encodeBody(&b)
	if err != nil {
		t.Fatal(err)
	}
	var back effect.Body
	if err := decodeBody(text, &back); err != nil || !reflect.DeepEqual(b, back) {
		t.Errorf("stored %s\nread %+v, %v", text, back, err)
	}
}

func TestDecodeBody(t *testing.T) {
	for _, c := range []struct {
		text string
		want effect.Body
		bad  string // part of the error
	}{
		{text: ` { } `},
		{text: `{"op":"a.b","later":{"x":[1,{"y":"z\""}]},"more":null}`, want: effect.Body{Op: "a.b"}},
		{text: `{"where":{"line":3,"column":4}}`, want: effect.Body{Where: effect.Position{Line: 3}}},
		{text: `{"args": {"a" : 1} }`, want: effect.Body{Args: json.RawMessage(`{"a" : 1}`)}},
		{text: ``, bad: "wants '{'"},
		{text: `{"op":"a"`, bad: "wants '}'"},
		{text: `{"op":1}`, bad: `wants '"'`},
		{text: `{"op":"a"} x`, bad: "text after the end"},
		{text: `{"value":tru}`, bad: "neither a number"},
		{text: `{"value":}`, bad: "neither a number"},
		{text: `{"value":"\x"}`, bad: "bad escape"},
		{text: `{"attempt":1.5}`, bad: "invalid syntax"},
		{text: `{"error":[]}`, bad: "cannot unmarshal"},
		{text: `{"op":"` + "\n" + `"}`, bad: "control character"},
		{text: `{"op":"\`, bad: "without an end"},
		{text: `{"value":` + strings.Repeat("[", 1e6), bad: "too deep"},
	} {
		var got effect.Body
		err := decodeBody(c.text, &got)
		if c.bad == "" && (err != nil || !reflect.DeepEqual(got, c.want)) {
			t.Errorf("%.60s: %+v, %v", c.text, got, err)
		}
		if c.bad != "" && (err == nil || !strings.Contains(err.Error(), c.bad)) {
			t.Errorf("%.60s: error %v, want %q", c.text, err, c.bad)
		}
	}
}

func FuzzDecodeBody(f *testing.F) {
	for _, seed := range []string{`{}`, `{"op":"a.b","args":{"x":[1,2,"\u00e4"]},"where":{"file":"f","line":1},"error":{"code":"x"}}`,
		`{"value":-1.5e300,"text":"\"","attempt":3,"new":{"a":[]}}`, `{"op":"\`, `{"value":[[[[`, "{\"\x00\":1}", `{"\0":0}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var b effect.Body
		if decodeBody(string(data), &b) != nil {
			return
		}
		if !json.Valid(data) {
			t.Fatalf("accepted, and is no JSON: %q", data)
		}
		text, err := encodeBody(&b)
		if err != nil {
			t.Fatalf("decoded %q and cannot be encoded: %v", data, err)
		}
		var again effect.Body
		if err := decodeBody(text, &again); err != nil || !sameBody(b, again) {
			t.Fatalf("%q became %q, which reads as %+v, %v", data, text, again, err)
		}
		var std effect.Body
		if err := json.Unmarshal([]byte(text), &std); err != nil || !sameBody(b, std) {
			t.Fatalf("encoding/json reads %q as %+v, %v", text, std, err)
		}
	})
}

// sameBody does not tell "null" from an absent value, nor space from none, as
// encoding/json.
func sameBody(a, b effect.Body) bool {
	for _, raw := range []*json.RawMessage{&a.Args, &a.Value, &b.Args, &b.Value} {
		var out bytes.Buffer
		if len(*raw) > 0 && json.Compact(&out, *raw) == nil {
			*raw = out.Bytes()
		}
		if string(*raw) == "null" {
			*raw = nil
		}
	}
	return reflect.DeepEqual(a, b)
}
