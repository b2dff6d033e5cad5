package journal

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// BenchmarkDecodeAgainstStandard decodes the bodies of 10,000 events, as a
// resume does, with this package's codec and with encoding/json.
func BenchmarkDecodeAgainstStandard(b *testing.B) {
	var texts []string
	for range 5000 {
		intent, done := step("12", time.Unix(1, 0))
		for _, e := range []effect.Event{intent, done} {
			text, err := encodeBody(&e.Body)
			if err != nil {
				b.Fatal(err)
			}
			texts = append(texts, text)
		}
	}
	b.Run("own", func(b *testing.B) {
		for range b.N {
			for _, text := range texts {
				var body effect.Body
				if err := decodeBody(text, &body); err != nil {
					b.Fatal(err)
				}
			}
		}
	})
	b.Run("encoding/json", func(b *testing.B) {
		for range b.N {
			for _, text := range texts {
				var body effect.Body
				if err := json.Unmarshal([]byte(text), &body); err != nil {
					b.Fatal(err)
				}
			}
		}
	})
}
