package kubo

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/stdlib"
)

// TestLostBlocks loses blocks of pinned content, which is noticed at once, and
// fetches them again.
func TestLostBlocks(t *testing.T) {
	b, main, backup := twoNodes(t)
	meet(t, main, backup)
	of := must(t, b, "add", obj{"path": write(t, filepath.Join(t.TempDir(), "large"), 1, 2<<20), "node": "backup"})
	root := of["cid"].(string)
	must(t, b, "pin", obj{"cid": root, "name": "site"})
	whole := obj{"valid": true, "blocks": 9.0, "size": of["size"]}
	if got := must(t, b, "validate", obj{"cid": root}); !reflect.DeepEqual(got, whole) {
		t.Errorf("validate: %v, want %v", got, whole)
	}
	for _, lost := range []string{main.blocks(t, root)[5], root} {
		main.command(t, "test/lose", "arg", lost)
		began := time.Now()
		fails(t, b, "validate", obj{"cid": root, "timeout": "10m"}, effect.CodeUnhealthy, lost)
		if took := time.Since(began); took > patience {
			t.Errorf("it took %s to see that a block is missing", took)
		}
		file := filepath.Join(t.TempDir(), "x.car")
		fails(t, b, "export", obj{"cid": root, "path": file}, effect.CodeUnhealthy, lost)
		if left, _ := os.ReadDir(filepath.Dir(file)); len(left) > 0 {
			t.Errorf("a failed export left %v", left)
		}
		must(t, b, "pin", obj{"cid": root, "from": []any{backup.Peer}})
		if got := must(t, b, "validate", obj{"cid": root}); !reflect.DeepEqual(got, whole) {
			t.Errorf("validate: %v, want %v", got, whole)
		}
	}
	if got := must(t, b, "pins", obj{"cid": root})["pins"]; !reflect.DeepEqual(got, []any{obj{"cid": root, "type": "recursive", "name": "site"}}) {
		t.Errorf("the pin became %v", got)
	}
}

// TestPinsAreNotPutAtRisk pins again what cannot be had whole any more: the
// pin stays, so that nothing else is collected as garbage.
func TestPinsAreNotPutAtRisk(t *testing.T) {
	b, main, _ := twoNodes(t)
	root := must(t, b, "add", obj{"path": write(t, filepath.Join(t.TempDir(), "large"), 1, 1<<20)})["cid"].(string)
	must(t, b, "pin", obj{"cid": root, "name": "first"})
	before := main.blocks(t, root)
	archive := filepath.Join(t.TempDir(), "part.car")
	must(t, b, "export", obj{"cid": root, "path": archive})
	main.command(t, "test/lose", "arg", before[2])
	for _, args := range []obj{{"cid": root}, {"cid": root, "name": "second"}} {
		args["timeout"] = "2s" // of which the node has nine tenths, so that it says itself that it gave up
		args["from"] = []any{"/ip4/127.0.0.1/tcp/1/p2p/" + main.id()}
		fails(t, b, "pin", args, effect.CodeTimeout, "nobody gave "+root+" to node main ("+main.API+
			") within 2s; of the nodes to fetch it from, some could not be connected to: /ip4/127.0.0.1/tcp/1/p2p/")
	}
	main.command(t, "repo/gc")
	if got := must(t, b, "pins", nil)["pins"]; !reflect.DeepEqual(got, []any{obj{"cid": root, "type": "recursive", "name": "first"}}) {
		t.Errorf("the pin became %v", got)
	}
	must(t, b, "import", obj{"path": archive})
	must(t, b, "validate", obj{"cid": root})
	if got := must(t, b, "pins", nil)["pins"]; !reflect.DeepEqual(got, []any{obj{"cid": root, "type": "recursive", "name": "first"}}) {
		t.Errorf("the import made the pin %v", got)
	}
	fails(t, b, "pin", obj{"cid": "bafkreifzjut3te7nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e", "timeout": "1s"}, effect.CodeTimeout, "nobody gave")
}

// TestDamagedBlocks turns a bit in a store: the error names the block, a pin
// does not hide it, and a CAR file mends it.
func TestDamagedBlocks(t *testing.T) {
	b, main, backup := twoNodes(t)
	meet(t, main, backup)
	root := must(t, b, "add", obj{"path": write(t, filepath.Join(t.TempDir(), "large"), 1, 1<<20)})["cid"].(string)
	must(t, b, "pin", obj{"cid": root, "node": "backup"})
	archive := filepath.Join(t.TempDir(), root+".car")
	exported := must(t, b, "export", obj{"cid": root, "path": archive, "node": "backup"})
	data, err := os.ReadFile(archive)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(data)
	if exported["sha256"] != hex.EncodeToString(sum[:]) || exported["size"] != float64(len(data)) || exported["blocks"] != 5.0 {
		t.Errorf("export says %v of %d bytes with %x", exported, len(data), sum)
	}
	bad := main.blocks(t, root)[3]
	main.command(t, "test/damage", "arg", bad)
	fails(t, b, "validate", obj{"cid": root}, effect.CodeUnhealthy, bad)
	fails(t, b, "pin", obj{"cid": root}, effect.CodeUnhealthy, bad)
	if got := must(t, b, "import", obj{"path": archive}); !reflect.DeepEqual(got, obj{"roots": []any{root}, "blocks": 5.0}) {
		t.Errorf("import: %v", got)
	}
	must(t, b, "validate", obj{"cid": root})

	// The same by ipfs.restore, which goes on with the next content.
	main.command(t, "test/damage", "arg", bad)
	other := must(t, b, "add", obj{"path": write(t, filepath.Join(t.TempDir(), "other"), 2, 1000), "node": "backup"})["cid"].(string)
	value, err := restore(t, b, obj{"cids": []any{root, other}, "from": []any{backup.Peer}, "archive": filepath.Dir(archive), "each": "1m", "providers": 2})
	if err != nil || !reflect.DeepEqual(value["restored"], []any{root, other}) || value["blocks"] != 6.0 {
		t.Errorf("restore: %v, %v", value, err)
	}
	gone := "bafkreifzjut3te7nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e"
	_, err = restore(t, b, obj{"cids": []any{gone, root}, "archive": filepath.Dir(archive), "each": "2s"})
	if err == nil || !strings.Contains(err.Error(), "1 of 2 could not be restored: "+gone+": no node gave it (nobody gave") {
		t.Errorf("restore of what nobody has: %v", err)
	}
}

// performer performs the effects of a composite on a backend.
type performer struct {
	t *testing.T
	b *Backend
}

func (p performer) Perform(_ context.Context, op string, args map[string]any) (any, error) {
	return p.b.Invoke(p.t.Context(), request(p.t, strings.TrimPrefix(op, "ipfs."), args))
}

func (performer) Deviations(context.Context) ([]effect.Deviation, error) { return nil, nil }

func restore(t *testing.T, b *Backend, args obj) (obj, error) {
	t.Helper()
	contract, _ := stdlib.Contract("ipfs")
	composite := contract.Composites[0]
	checked, err := composite.Check(args)
	if err != nil {
		t.Fatal(err)
	}
	v, err := composite.Run(t.Context(), performer{t, b}, checked)
	m, _ := v.(obj)
	return m, err
}

// TestAdd adds files whose CIDs are known, and directories.
func TestAdd(t *testing.T) {
	b, main, _ := twoNodes(t)
	dir := filepath.Join(t.TempDir(), "a dir, 100%ü+\"q\"")
	write(t, filepath.Join(dir, "hello"), 0, 0)
	if err := os.WriteFile(filepath.Join(dir, "hello"), []byte("hello\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, ".hidden", "deep er", "x&y=z;é\nline"), 3, 300<<10)
	write(t, filepath.Join(dir, "empty"), 0, 0)
	if err := os.Mkdir(filepath.Join(dir, "nothing"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("hello", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	// As `ipfs add --cid-version 1` has it.
	const hello = "bafkreicysg23kiwv34eg2d7qweipxwosdo2py4ldv42nbauguluen5v6am"
	for _, path := range []string{"hello", "link"} {
		if got := must(t, b, "add", obj{"path": filepath.Join(dir, path), "cid": hello}); !reflect.DeepEqual(got, obj{"cid": hello, "size": 6.0}) {
			t.Errorf("add %s: %v", path, got)
		}
	}
	must(t, b, "pin", obj{"cid": hello, "name": "greeting"})
	must(t, b, "add", obj{"path": filepath.Join(dir, "hello")})
	if got := must(t, b, "pins", nil)["pins"]; !reflect.DeepEqual(got, []any{obj{"cid": hello, "type": "recursive", "name": "greeting"}}) {
		t.Errorf("adding it again made the pin %v", got)
	}
	whole := must(t, b, "add", obj{"path": dir})
	root := whole["cid"].(string)
	if got := must(t, b, "validate", obj{"cid": root}); got["size"] != whole["size"] {
		t.Errorf("add counts %v bytes, validate %v", whole["size"], got["size"])
	}
	if got := must(t, b, "add", obj{"path": dir, "node": "backup", "pin": false})["cid"]; got != root {
		t.Errorf("the other node makes %v of it", got)
	}
	if got := must(t, b, "pins", obj{"node": "backup"})["count"]; got != 0.0 {
		t.Errorf("%v pins where none was asked for", got)
	}
	must(t, b, "validate", obj{"cid": root, "node": "backup"})

	other := write(t, filepath.Join(t.TempDir(), "other"), 9, 5000)
	fails(t, b, "add", obj{"path": other, "cid": hello}, effect.CodeConflict, "expected was "+hello+"; nothing was pinned")
	if got := must(t, b, "pins", nil)["count"]; got != 2.0 {
		t.Errorf("%v pins after a conflict", got)
	}
	if got := must(t, b, "pins", obj{"type": "all"})["count"].(float64); int(got) != len(main.blocks(t, root)) {
		t.Errorf("%v pins of all kinds", got)
	}
	fails(t, b, "add", obj{"path": other + "x"}, effect.CodeNotFound, "nothing was sent")
	fails(t, b, "add", obj{"path": "/dev"}, effect.CodeFailed, "neither a file nor a directory")
	fails(t, b, "add", obj{"path": other, "cid": "/ipfs/" + hello}, effect.CodeInvalid, "write the CID alone")
}

// TestImport imports files that are damaged, cut, partial, or of version 2.
func TestImport(t *testing.T) {
	b, main, _ := twoNodes(t)
	dir := t.TempDir()
	root := must(t, b, "add", obj{"path": write(t, filepath.Join(dir, "large"), 1, 1<<20), "node": "backup"})["cid"].(string)
	whole := filepath.Join(dir, "whole.car")
	must(t, b, "export", obj{"cid": root, "path": whole, "node": "backup"})
	data, err := os.ReadFile(whole)
	if err != nil {
		t.Fatal(err)
	}
	file := func(name string, data []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	flipped := append([]byte(nil), data...)
	flipped[len(flipped)-1] ^= 1
	fails(t, b, "import", obj{"path": file("flipped.car", flipped)}, effect.CodeFailed, "is damaged: its hash is another; nothing was sent")
	fails(t, b, "import", obj{"path": file("cut.car", data[:len(data)-1])}, effect.CodeFailed, "cut off within a block; nothing was sent")
	fails(t, b, "import", obj{"path": file("empty.car", nil)}, effect.CodeFailed, "is no CAR file")
	fails(t, b, "import", obj{"path": file("text.car", []byte("no CAR at all"))}, effect.CodeFailed, "is no CAR file")
	fails(t, b, "import", obj{"path": filepath.Join(dir, "none.car")}, effect.CodeNotFound, "none.car")

	// Without its last block.
	car, err := newCAR(strings.NewReader(string(data)))
	if err != nil {
		t.Fatal(err)
	}
	last := 0
	for {
		if _, _, err := car.next(); err != nil {
			break
		}
		last = len(car.buf) + 3 // with its length
	}
	part := file("part.car", data[:len(data)-last])
	began := time.Now()
	fails(t, b, "import", obj{"path": part}, effect.CodeUnhealthy, "does not hold all of "+root)
	if took := time.Since(began); took > patience {
		t.Errorf("it took %s to see that the file is not whole", took)
	}
	if got := must(t, b, "pins", nil)["count"]; got != 0.0 {
		t.Errorf("%v pins of what is not whole", got)
	}
	if got := must(t, b, "import", obj{"path": part, "pin": false})["blocks"]; got != 4.0 {
		t.Errorf("%v blocks in a part", got)
	}
	// The node has the rest when the whole file was there.
	must(t, b, "import", obj{"path": whole, "pin": false})
	must(t, b, "import", obj{"path": part})
	must(t, b, "unpin", obj{"cid": root})
	main.command(t, "repo/gc")

	head := append(append([]byte(nil), carPragma...), make([]byte, 40)...)
	head[len(carPragma)+16], head[len(carPragma)+24] = byte(len(head)), byte(len(data))
	head[len(carPragma)+25], head[len(carPragma)+26] = byte(len(data)>>8), byte(len(data)>>16)
	if got := must(t, b, "import", obj{"path": file("v2.car", append(head, data...))}); !reflect.DeepEqual(got, obj{"roots": []any{root}, "blocks": 5.0}) {
		t.Errorf("import of version 2: %v", got)
	}
	must(t, b, "validate", obj{"cid": root})
}

// TestProviders asks who has content.
func TestProviders(t *testing.T) {
	b, main, backup := twoNodes(t)
	meet(t, main, backup)
	path := write(t, filepath.Join(t.TempDir(), "x"), 1, 1000)
	root := must(t, b, "add", obj{"path": path, "node": "backup"})["cid"].(string)
	got := must(t, b, "providers", obj{"cid": root})
	list, _ := got["providers"].([]any)
	if got["count"] != 1.0 || len(list) != 1 || list[0].(obj)["id"] != backup.id() || len(list[0].(obj)["addrs"].([]any)) == 0 {
		t.Errorf("providers: %v, want %s", got, backup.id())
	}
	must(t, b, "add", obj{"path": path})
	if got := must(t, b, "providers", obj{"cid": root})["count"]; got != 2.0 {
		t.Errorf("%v providers", got)
	}
	if got := must(t, b, "providers", obj{"cid": root, "limit": 1})["count"]; got != 1.0 {
		t.Errorf("%v providers of at most 1", got)
	}
	none := must(t, b, "providers", obj{"cid": "bafkreifzjut3te7nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e"})
	if none["count"] != 0.0 {
		t.Errorf("providers of what nobody has: %v", none)
	}
}
