package haproxy

import (
	"maps"
	"testing"
)

func TestStatus(t *testing.T) {
	for _, c := range []struct {
		op, admin int
		want      string
	}{
		{2, 0, "up"}, {1, 0, "up"}, {0, 0, "down"}, {3, 0, "drain"},
		{2, 0x04, "up"}, // maintenance in the file, lifted since
		{0, 0x01, "maint"}, {0, 0x02, "maint"}, {0, 0x20, "maint"}, {0, 0x40, "maint"}, {0, 0x05, "maint"},
		{2, 0x08, "drain"}, {2, 0x10, "drain"}, {0, 0x08, "down"}, {0, 0x09, "maint"},
	} {
		if got := (&server{op: c.op, admin: c.admin}).status(); got != c.want {
			t.Errorf("op %d admin %#x: %s, want %s", c.op, c.admin, got, c.want)
		}
	}
}

func TestShares(t *testing.T) {
	up := func(name string, weight int) *server {
		return &server{name: name, weight: weight, effective: weight, op: 2}
	}
	down := func(name string, weight int) *server { return &server{name: name, weight: weight, effective: weight} }
	backup := func(s *server) *server { s.backup = true; return s }
	for _, c := range []struct {
		servers []*server
		want    map[string]any
	}{
		{nil, map[string]any{}},
		{[]*server{up("a", 30), up("b", 10)}, map[string]any{"a": 75.0, "b": 25.0}},
		{[]*server{up("a", 30), down("b", 10)}, map[string]any{"a": 100.0, "b": 0.0}},
		{[]*server{up("a", 0), down("b", 10)}, map[string]any{"a": 0.0, "b": 0.0}},
		{[]*server{up("a", 1), backup(up("s", 10))}, map[string]any{"a": 100.0, "s": 0.0}},
		{[]*server{down("a", 1), backup(up("s", 10))}, map[string]any{"a": 0.0, "s": 100.0}},
	} {
		if got := (&reading{pools: []*pool{{servers: c.servers}}}).mean((*pool).share); !maps.Equal(got, c.want) {
			t.Errorf("shares %v, want %v", got, c.want)
		}
	}
}

func TestForeignReplies(t *testing.T) {
	for _, text := range []string{"", "Permission denied", "HTTP/1.0 400 Bad request\n\n<html>", "1\n", "# "} {
		if rows, ok := parseState(text); ok && len(rows) > 0 {
			t.Errorf("%q was read as %v", text, rows)
		}
		if rows, err := parseStat(text); err == nil {
			t.Errorf("%q was read as %v", text, rows)
		}
	}
	rows, ok := parseState("1\n# be_id be_name srv_id srv_name\n3 web 1 blue extra columns\n3 web\n\n")
	if !ok || len(rows) != 2 || rows[0]["srv_name"] != "blue" || rows[1]["srv_name"] != "" {
		t.Errorf("rows %v", rows)
	}
	n := 0
	if err := numbers(rows[1], map[string]*int{"srv_uweight": &n}); err == nil {
		t.Error("a column that is not there was read")
	}
	stat, err := parseStat("# pxname,svname,desc,\nweb,blue,\"a, \"\"b\"\"\",\nweb,green\n")
	if err != nil || len(stat) != 2 || stat[0]["desc"] != `a, "b"` || stat[1]["svname"] != "green" {
		t.Errorf("rows %v, %v", stat, err)
	}
}
