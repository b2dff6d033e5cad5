package kubo

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins/plugintest"
	"github.com/q-ecosystem/runbook/stdlib"
)

// TestModelDoesWhatNodesDo walks two real nodes and the model of the module at
// random, and holds what they say against each other.
func TestModelDoesWhatNodesDo(t *testing.T) {
	b, main, backup := twoNodes(t)
	dir := t.TempDir()
	files, content, cids, paths := obj{}, obj{}, []string{}, []string{}
	scratch := startNode(t, "")
	maker := backend(t, obj{"nodes": obj{"scratch": obj{"api": scratch.API}}})
	newContent := func(seed, length int) (path, cid string) {
		path = write(t, filepath.Join(dir, fmt.Sprint("file", seed)), seed, length)
		cid = must(t, maker, "add", obj{"path": path})["cid"].(string)
		whole := must(t, maker, "validate", obj{"cid": cid})
		files[path], content[cid] = cid, obj{"blocks": whole["blocks"], "size": whole["size"]}
		cids, paths = append(cids, cid), append(paths, path)
		return path, cid
	}
	// Two contents are pinned and not whole, one of them on both nodes.
	lost := map[string][]any{"main": {}, "backup": {}}
	for i, nodes := range [][]string{{"main"}, {"main", "backup"}, {}, {}, {}, {}} {
		path, cid := newContent(i, 500+i*300<<10)
		if len(nodes) == 0 {
			continue
		}
		for name, n := range map[string]*testNode{"main": main, "backup": backup} {
			if name == "backup" && !slices.Contains(nodes, name) {
				must(t, b, "add", obj{"path": path, "node": name})
				continue
			}
			must(t, b, "add", obj{"path": path, "node": name})
			all := n.blocks(t, cid)
			n.command(t, "test/lose", "arg", all[len(all)-1])
			lost[name] = append(lost[name], cid)
		}
	}
	// And two are damaged, one of which the other node has whole.
	bad := map[string][]any{}
	for i, n := range map[int]*testNode{2: main, 3: backup} {
		name := map[*testNode]string{main: "main", backup: "backup"}[n]
		must(t, b, "add", obj{"path": paths[i], "node": name})
		all := n.blocks(t, cids[i])
		n.command(t, "test/damage", "arg", all[len(all)-1])
		bad[name] = append(bad[name], cids[i])
	}
	must(t, b, "add", obj{"path": paths[3]})
	meet(t, main, backup)
	model := stdlib.Models()["ipfs"]
	if err := model.Load(obj{"content": content, "files": files, "missing": lost["main"], "damaged": bad["main"], "pins": []any{cids[3]},
		"nodes": obj{"backup": obj{"pins": []any{cids[0]}, "missing": lost["backup"], "damaged": bad["backup"]}}}); err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(8, 4))
	pick := func(list []string) string { return list[random.IntN(len(list))] }
	archives := []string{filepath.Join(dir, "a.car"), filepath.Join(dir, "b.car"), filepath.Join(dir, "none", "c.car")}
	steps, seen := 400, map[string]int{}
	if testing.Short() {
		steps = 150
	}
	for i := range steps {
		op, cid := pick([]string{"pins", "providers", "validate", "add", "pin", "pin", "unpin", "unpin", "export", "import"}), pick(cids)
		args := obj{}
		switch op {
		case "pins":
			if random.IntN(2) == 0 {
				args["cid"] = cid
			}
			args["type"] = pick([]string{"recursive", "recursive", "direct"})
		case "add":
			args["path"], args["pin"] = pick(append(slices.Clone(paths), filepath.Join(dir, "none"))), random.IntN(3) > 0
			if random.IntN(2) == 0 {
				args["cid"] = cid
			}
		case "import":
			args["path"], args["pin"] = pick(archives), random.IntN(3) > 0
		default:
			args["cid"] = cid
		}
		switch op {
		case "pin":
			args["timeout"] = "1s"
			if random.IntN(2) == 0 {
				args["name"] = pick([]string{"first", "second"})
			}
		case "export":
			args["path"] = pick(archives[:2])
		}
		if node := random.IntN(9); node == 0 {
			args["node"] = "nosuch"
		} else if node < 5 {
			args["node"] = "backup"
		}
		switch i { // before the walk mends what is damaged
		case 0:
			op, args = "pin", obj{"cid": cids[2], "timeout": "1s"}
		case 1:
			op, args = "export", obj{"cid": cids[3], "path": archives[0], "node": "backup"}
		}
		if op == "add" && strings.HasSuffix(args["path"].(string), "none") {
			continue // the model assumes files of which nobody said anything
		}
		req := request(t, op, args)
		moment := effect.Moment{Now: time.Unix(int64(i), 0), Key: fmt.Sprint(i), World: func(string) map[string]any { return nil }}
		modeled, modelErr := model.Do(moment, op, req.Args)
		real, realErr := b.Invoke(t.Context(), req)
		if modelErr == nil && op == "pin" && effect.AsError(realErr) != nil && effect.AsError(realErr).Code == effect.CodeTimeout {
			args["timeout"] = "1m" // the machine may be slow
			real, realErr = b.Invoke(t.Context(), request(t, op, args))
		}
		if realErr != nil || modelErr != nil {
			r, s := effect.AsError(realErr), effect.AsError(modelErr)
			if r == nil || s == nil || r.Code != s.Code || r.Code == effect.CodeConflict && r.Message != s.Message {
				t.Fatalf("step %d, %s %v:\nthe nodes give %v, %v\nthe model      %v, %v", i, op, args, real, realErr, modeled, modelErr)
			}
			seen[op+" "+string(r.Code)]++
			continue
		}
		if r, s := comparable(op, real.(obj), main, backup), comparable(op, modeled.(obj), main, backup); !reflect.DeepEqual(r, s) {
			t.Fatalf("step %d, %s %v:\nthe nodes give %v\nthe model      %v", i, op, args, r, s)
		}
		seen[op]++
	}
	for _, what := range []string{"pins", "providers", "validate", "validate unhealthy", "add", "add conflict", "pin", "pin timeout", "pin unhealthy", "unpin", "unpin not_found",
		"export", "export unhealthy", "import", "import not_found"} {
		if seen[what] == 0 {
			t.Errorf("%s never came in %d steps: the walk shows too little (%v)", what, steps, seen)
		}
	}
	t.Logf("%v", seen)
	if left, _ := filepath.Glob(filepath.Join(dir, ".runbook-*")); len(left) > 0 {
		t.Errorf("exports left %v", left)
	}
	plugintest.Compared(t, "kubo", testedOn(t), plugintest.Sum(seen))
}

// comparable leaves out what a model cannot know: where peers are, and what a
// CAR file comes out as.
func comparable(op string, value obj, main, backup *testNode) obj {
	switch op {
	case "export":
		return obj{"path": value["path"], "blocks": value["blocks"]}
	case "providers":
		names := []string{}
		for _, v := range value["providers"].([]any) {
			id := v.(obj)["id"].(string)
			names = append(names, strings.NewReplacer(main.id(), "the configured node", backup.id(), "backup").Replace(id))
		}
		slices.Sort(names)
		return obj{"names": names, "count": value["count"]}
	}
	return value
}
