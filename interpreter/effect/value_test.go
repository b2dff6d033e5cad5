package effect_test

import (
	"bytes"
	"encoding/json"
	"math"
	"reflect"
	"strings"
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

func digest(s effect.Secret) string { return "digest of " + s.Name() }

func TestEncode(t *testing.T) {
	tests := []struct {
		name string
		v    any
		want string
	}{
		{"nil", nil, `null`},
		{"bool", true, `true`},
		{"whole number", 10.0, `10`},
		{"int", 7, `7`},
		{"fraction", 0.1, `0.1`},
		{"negative zero", math.Copysign(0, -1), `0`},
		{"big", 1e21, `1e+21`},
		{"just below", 1e20, `100000000000000000000`},
		{"small", 1e-7, `1e-7`},
		{"beyond 2^53", 9007199254740994.0, `9007199254740994`},
		{"max", math.MaxFloat64, `1.7976931348623157e+308`},
		{"string", "a<b>&c", `"a<b>&c"`},
		{"quotes", `a"b\c`, `"a\"b\\c"`},
		{"control", "a\nb\x01", `"a\nb\u0001"`},
		{"line separator", "a\u2028b", `"a\u2028b"`},
		{"unicode", "grün 🟢", `"grün 🟢"`},
		{"not UTF-8", "a\xff", `{"$bytes":"Yf8="}`},
		{"empty list", []any{}, `[]`},
		{"nil list", []any(nil), `[]`},
		{"list", []any{1.0, "a", nil}, `[1,"a",null]`},
		{"nil map", map[string]any(nil), `{}`},
		{"keys are sorted", map[string]any{"b": 1.0, "a": 2.0, "B": 3.0, "": 4.0}, `{"":4,"B":3,"a":2,"b":1}`},
		{"a user's own $", map[string]any{"$bytes": "x"}, `{"$map":{"$bytes":"x"}}`},
		{"a user's own $map", map[string]any{"$map": map[string]any{"a": 1.0}}, `{"$map":{"$map":{"a":1}}}`},
		{"secret", map[string]any{"k": effect.NewSecret("env:T", "hunter2")}, `{"k":{"$secret":"env:T","digest":"digest of env:T"}}`},
		{"digest", effect.SecretDigest{Name: "n", Digest: "d"}, `{"$secret":"n","digest":"d"}`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := effect.Encode(test.v, digest)
			if err != nil || string(got) != test.want {
				t.Fatalf("got %s, %v; want %s", got, err, test.want)
			}
			back, err := effect.Decode(got)
			if err != nil {
				t.Fatal(err)
			}
			again, err := effect.Encode(back, nil)
			if err != nil || !bytes.Equal(again, got) {
				t.Errorf("decoded and encoded: %s, %v; want %s", again, err, got)
			}
		})
	}
}

func nest(depth int) any {
	var v any = 1.0
	for range depth {
		v = []any{v}
	}
	return v
}

func TestEncodeRefuses(t *testing.T) {
	tests := []struct {
		name string
		v    any
		want string
	}{
		{"NaN", math.NaN(), "encode value: NaN is not a number that can be recorded"},
		{"infinity", []any{math.Inf(-1)}, "encode value: -Inf is not a number that can be recorded"},
		{"foreign type", map[string]any{"x": struct{}{}}, "encode value: a struct {} cannot be recorded"},
		{"depth", nest(65), "encode value: nested deeper than 64"},
		{"key", map[string]any{"\xff": 1.0}, `encode value: the key "\xff" is not UTF-8`},
		{"secret without a digest", effect.NewSecret("n", "v"), "encode value: [secret n] may not stand here"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := effect.Encode(test.v, nil)
			if err == nil || err.Error() != test.want || got != nil {
				t.Errorf("got %s, %v; want %s", got, err, test.want)
			}
		})
	}
	if _, err := effect.Encode(nest(64), nil); err != nil {
		t.Error(err)
	}
}

func TestDecodeRefuses(t *testing.T) {
	for _, text := range []string{``, `{`, `1 2`, `1]`, `1}`, `nul`, `[1,]`, `{"a":1,}`, `{a:1}`, `{"a" 1}`, `[1 2]`, `"a`, "\"\n\"", `"\x"`, `01`, `1.`, `-`, `1e999`, "1\x00", "\x00", `{"$bytes":"%"}`, `{"$secret":"n","digest":5}`,
		strings.Repeat("[", 200) + strings.Repeat("]", 200)} {
		if v, err := effect.Decode([]byte(text)); err == nil || !strings.HasPrefix(err.Error(), "decode value: ") {
			t.Errorf("Decode(%.20s) gave %v, %v", text, v, err)
		}
	}
}

func TestDecodeSecrets(t *testing.T) {
	v, err := effect.Decode([]byte(`[{"$secret":"n","digest":"d"},{"$secret":"n"}]`))
	if err != nil {
		t.Fatal(err)
	}
	if want := []any{effect.SecretDigest{Name: "n", Digest: "d"}, map[string]any{"$secret": "n"}}; !reflect.DeepEqual(v, want) {
		t.Errorf("got %#v", v)
	}
}

// FuzzValue holds the codec against encoding/json: a value that goes through
// comes back as it was, equal values give equal bytes, and the bytes are JSON
// as encoding/json writes it.
func FuzzValue(f *testing.F) {
	for _, seed := range []string{`null`, `[1,-0,1e300,0.1]`, `{"a":{"$b":[]},"c":"\u2028\n"}`, `{"$map":{"$secret":"x"}}`, `"\ud800"`,
		`{"$secret":"a","digest":"b"}`, `{"$bytes":"/w=="}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		checkText(t, string(data))
		v, err := effect.Decode(data)
		var std any
		stdErr := json.Unmarshal(data, &std)
		if err != nil {
			if stdErr == nil && !strings.Contains(string(data), `\u0024`) && !bytes.ContainsAny(data, "$") && bytes.Count(data, []byte("["))+bytes.Count(data, []byte("{")) < 100 {
				t.Fatalf("Decode(%q): %v, and encoding/json reads it", data, err)
			}
			return
		}
		if stdErr != nil {
			t.Fatalf("Decode(%q) gave %v, and encoding/json says %v", data, v, stdErr)
		}
		if !bytes.ContainsAny(data, "$") && !strings.Contains(string(data), `\u0024`) && !reflect.DeepEqual(v, std) {
			t.Fatalf("Decode(%q) gave %#v, encoding/json %#v", data, v, std)
		}
		text, err := effect.Encode(v, nil)
		if err != nil {
			return // deeper than Encode goes
		}
		back, err := effect.Decode(text)
		if err != nil {
			t.Fatalf("%s cannot be decoded: %v", text, err)
		}
		if again, err := effect.Encode(back, nil); err != nil || !bytes.Equal(text, again) {
			t.Fatalf("%s became %s, %v", text, again, err)
		}
		var plain any
		if err := json.Unmarshal(text, &plain); err != nil {
			t.Fatalf("%s is not JSON: %v", text, err)
		}
		var b bytes.Buffer
		enc := json.NewEncoder(&b)
		enc.SetEscapeHTML(false)
		if err := enc.Encode(plain); err != nil || strings.TrimSuffix(b.String(), "\n") != string(text) {
			t.Fatalf("Encode wrote %s, encoding/json %s", text, b.String())
		}
	})
}

// checkText sends any bytes at all through as a string and as a number.
func checkText(t *testing.T, s string) {
	t.Helper()
	values := []any{s, []any{s}}
	if len(s) >= 8 {
		var bits uint64
		for i := range 8 {
			bits = bits<<8 | uint64(s[i])
		}
		if n := math.Float64frombits(bits); !math.IsNaN(n) && !math.IsInf(n, 0) {
			values = append(values, n)
		}
	}
	for _, v := range values {
		text, err := effect.Encode(v, nil)
		if err != nil {
			t.Fatalf("Encode(%q): %v", v, err)
		}
		if back, err := effect.Decode(text); err != nil || !reflect.DeepEqual(back, v) {
			t.Fatalf("%#v became %s, then %#v, %v", v, text, back, err)
		}
	}
}

func BenchmarkEncode(b *testing.B) {
	v := map[string]any{"green": 10.0, "blue": 90.0, "pool": "web"}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := effect.Encode(v, nil); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecode(b *testing.B) {
	text := []byte(`{"blue":90,"green":10,"pool":"web"}`)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := effect.Decode(text); err != nil {
			b.Fatal(err)
		}
	}
}
