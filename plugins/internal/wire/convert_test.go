package wire

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/stdlib"
)

func TestArgsRoundTrip(t *testing.T) {
	args := map[string]any{
		"plain": "x", "number": 1.5, "bytes": "\x00\xff", "$bytes": "mine",
		"list":   []any{true, nil, map[string]any{"deep": effect.NewSecret("deep", "d33p")}},
		"secret": effect.NewSecret("secret", "s3cret"),
	}
	data, err := EncodeArgs(args)
	if err != nil {
		t.Fatal(err)
	}
	got, err := DecodeArgs(data)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"plain": "x", "number": 1.5, "bytes": "\x00\xff", "$bytes": "mine",
		"list": []any{true, nil, map[string]any{"deep": "d33p"}}, "secret": "s3cret",
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
	if _, still := args["secret"].(effect.Secret); !still {
		t.Error("EncodeArgs changed what it was given")
	}
}

func TestArgsThatCannotBeSent(t *testing.T) {
	for name, v := range map[string]any{"digest": []any{effect.SecretDigest{Name: "key"}}, "foreign": struct{}{}} {
		if data, err := EncodeArgs(map[string]any{"v": v}); err == nil {
			t.Errorf("%s: encoded as %s", name, data)
		}
	}
	if data, err := EncodeArgs(nil); err != nil || string(data) != "{}" {
		t.Errorf("no arguments: %s, %v", data, err)
	}
	if _, err := DecodeArgs([]byte(`[1]`)); err == nil {
		t.Error("a list was read as arguments")
	}
}

func TestErrorRoundTrip(t *testing.T) {
	e := effect.Errorf(effect.CodeUnavailable, "no \xff answer").WithHint("wait")
	data, err := proto.Marshal(FromError(e))
	if err != nil {
		t.Fatalf("an error that is not UTF-8 cannot be sent: %v", err)
	}
	var back Error
	if err := proto.Unmarshal(data, &back); err != nil {
		t.Fatal(err)
	}
	want := effect.Error{Code: effect.CodeUnavailable, Message: "no \uFFFD answer", Retryable: true, Hint: "wait"}
	if got := *ToError(&back); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if FromError(nil) != nil || ToError(nil) != nil {
		t.Error("no error became one")
	}
	if got := ToError(FromError(errors.New("plain"))).Code; got != effect.CodeInternal {
		t.Errorf("a foreign error has the code %s", got)
	}
}

func TestDeclarationsRoundTrip(t *testing.T) {
	for _, m := range stdlib.Modules() {
		data, err := EncodeDeclarations(m.Ops)
		if err != nil {
			t.Fatal(err)
		}
		got, err := DecodeDeclarations[effect.Op](data)
		if err != nil {
			t.Fatal(err)
		}
		for i := range m.Ops {
			want := m.Ops[i]
			want.Validate = nil // not sent
			if !reflect.DeepEqual(got[i], want) {
				t.Errorf("got  %+v\nwant %+v", got[i], want)
			}
		}
	}
	_, err := DecodeDeclarations[effect.Op]([]byte(`[{"module":"m","name":"n","doc":"","colour":"red"}]`))
	if err == nil || !strings.Contains(err.Error(), "colour") {
		t.Errorf("a declaration from the future: %v", err)
	}
}
