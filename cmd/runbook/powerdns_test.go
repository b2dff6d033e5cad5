package main

import (
	"database/sql"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// pdnsKey opens the API of the PowerDNS of a script.
const pdnsKey = "sesame-of-a-script"

// powerDNS runs PowerDNS on loopback for the rest of the script, with the zone
// example.org, whose www is 192.0.2.1. Its API is at $PDNS, its key in $PDNS_KEY; it
// answers by DNS at $DNS, and what it was asked is in DIRECTORY/log.
//
//	[!exec:pdns_server] skip '…'
//	powerdns dir
func powerDNS(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: powerdns DIRECTORY")
	}
	dir := ts.MkAbs(args[0])
	ts.Check(os.MkdirAll(dir, 0o700))
	schema, err := os.ReadFile("/usr/share/pdns-backend-sqlite3/schema/schema.sqlite3.sql")
	ts.Check(err)
	db, err := sql.Open("sqlite3", filepath.Join(dir, "zones.db"))
	ts.Check(err)
	_, err = db.Exec(string(schema))
	ts.Check(err)
	ts.Check(db.Close())
	modules, err := filepath.Glob("/usr/lib/*/pdns/libgsqlite3backend.so")
	ts.Check(err)
	if len(modules) == 0 {
		ts.Fatalf("there is no SQLite for PowerDNS: apt-get install pdns-backend-sqlite3")
	}
	serve, web := free(ts), free(ts)
	host, port, _ := net.SplitHostPort(serve)
	webHost, webPort, _ := net.SplitHostPort(web)
	ts.Check(os.WriteFile(filepath.Join(dir, "pdns.conf"), fmt.Appendf(nil, `launch=gsqlite3
gsqlite3-database=%[1]s/zones.db
module-dir=%[2]s
socket-dir=%[1]s
local-address=%[3]s
local-port=%[4]s
webserver=yes
webserver-address=%[5]s
webserver-port=%[6]s
webserver-loglevel=normal
loglevel=6
api=yes
api-key=%[7]s
daemon=no
guardian=no
disable-syslog=yes
negquery-cache-ttl=0
query-cache-ttl=0
cache-ttl=0
zone-cache-refresh-interval=0
`, dir, filepath.Dir(modules[0]), host, port, webHost, webPort, pdnsKey), 0o600))
	log, err := os.Create(filepath.Join(dir, "log"))
	ts.Check(err)
	defer log.Close()
	cmd := exec.Command("pdns_server", "--config-dir="+dir)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	ts.Check(cmd.Start())
	ts.Defer(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	zone := `{"name":"example.org.","kind":"Native","nameservers":[],"rrsets":[
	{"name":"example.org.","type":"SOA","ttl":300,"records":[{"content":"ns1.example.org. hostmaster.example.org. 1 60 30 600 2"}]},
	{"name":"example.org.","type":"NS","ttl":300,"records":[{"content":"ns1.example.org."}]},
	{"name":"www.example.org.","type":"A","ttl":1,"records":[{"content":"192.0.2.1"}]}]}`
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		req, err := http.NewRequest(http.MethodPost, "http://"+web+"/api/v1/servers/localhost/zones", strings.NewReader(zone))
		ts.Check(err)
		req.Header.Set("X-API-Key", pdnsKey)
		resp, err := http.DefaultClient.Do(req)
		if err == nil {
			_ = resp.Body.Close()
			if resp.StatusCode == http.StatusCreated {
				break
			}
			ts.Fatalf("PowerDNS does not take the zone: %s", resp.Status)
		}
		if time.Now().After(deadline) {
			ts.Fatalf("PowerDNS does not answer: %v", err)
		}
	}
	ts.Setenv("PDNS", "http://"+web)
	ts.Setenv("PDNS_KEY", pdnsKey)
	ts.Setenv("DNS", serve)
}

// free returns an address on loopback where nobody listens.
func free(ts *testscript.TestScript) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	defer l.Close()
	return l.Addr().String()
}
