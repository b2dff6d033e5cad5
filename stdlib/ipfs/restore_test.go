package ipfs

import (
	"strings"
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/stdlib/internal/modeltest"
)

func TestIPFSRestore(t *testing.T) {
	s := modeltest.NewStage(t, Module(), obj{"content": obj{"bafyA": obj{"blocks": 2.0}, "bafyB": obj{"providers": []any{"p"}}, "bafyC": obj{}, "bafyD": obj{}},
		"pins": []any{"bafyA"}, "archives": obj{"/backup/bafyC.car": []any{"bafyC"}}})
	v, err := s.Run("ipfs.restore", obj{"cids": []any{"bafyA", "bafyB", "bafyC"}, "archive": "/backup/"})
	if err != nil {
		t.Fatal(err)
	}
	modeltest.Is(t, "restored", v["restored"], []any{"bafyB", "bafyC"})
	modeltest.Is(t, "present", v["present"], []any{"bafyA"})
	modeltest.Is(t, "blocks", v["blocks"], 4.0)
	_, err = s.Run("ipfs.restore", obj{"cids": []any{"bafyD", "bafyA"}, "archive": "/backup"})
	if err == nil || err.Code != effect.CodeFailed || !strings.Contains(err.Message, "1 of 2 could not be restored: bafyD: no node gave it") || !strings.Contains(err.Message, "/backup/bafyD.car did not help") {
		t.Errorf("what nobody has: %v", err)
	}
	_, err = s.Run("ipfs.restore", obj{"cids": []any{"bafyA"}, "providers": 2.0})
	if err == nil || !strings.Contains(err.Message, "1 of 2 nodes offer it") {
		t.Errorf("too few providers: %v", err)
	}
}
