package hosts

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/lazyregexp"
	"github.com/q-ecosystem/runbook/stdlib/internal/plain"
)

// daemon is a service that reads its files as it starts or is told to reload them, and
// not by itself.
type daemon struct {
	units []string
	tries string // what tries its files without taking them up
}

// daemons are the ones that everybody knows, by the folder of their files in /etc.
var daemons = map[string]daemon{
	"nginx":      {[]string{"nginx"}, "nginx -t"},
	"haproxy":    {[]string{"haproxy"}, "haproxy -c -f FILE"},
	"apache2":    {[]string{"apache2"}, "apachectl configtest"},
	"httpd":      {[]string{"httpd"}, "apachectl configtest"},
	"bind":       {[]string{"named", "bind9"}, "named-checkconf"},
	"unbound":    {[]string{"unbound"}, "unbound-checkconf"},
	"ssh":        {[]string{"ssh", "sshd"}, "sshd -t"},
	"squid":      {[]string{"squid"}, "squid -k parse"},
	"varnish":    {[]string{"varnish"}, "varnishd -C -f FILE"},
	"dovecot":    {[]string{"dovecot"}, "doveconf -n"},
	"keepalived": {[]string{"keepalived"}, "keepalived -t"},
	"dnsmasq.d":  {[]string{"dnsmasq"}, "dnsmasq --test"},
	"rsyslog.d":  {[]string{"rsyslog"}, "rsyslogd -N1"},
	"postgresql": {units: []string{"postgresql"}},
	"mysql":      {units: []string{"mysql", "mysqld", "mariadb"}},
	"redis":      {units: []string{"redis", "redis-server"}},
	"stunnel":    {units: []string{"stunnel", "stunnel4"}},
	"chrony":     {units: []string{"chrony", "chronyd"}},
}

// configuration matches files that such a service reads: not one that it opens at each
// request, nor one under a name at which it does not look.
var configuration = lazyregexp.New(`\.(conf|cfg|cnf|pem|crt|cer|key|vcl)$|/(sites|conf|mods)-enabled/[^/.]+$`)

// readBy returns what reads a file; false if that is not known.
func readBy(file string) (daemon, bool) {
	rest, ok := strings.CutPrefix(path.Clean(file), "/etc/")
	folder, _, _ := strings.Cut(rest, "/")
	d, known := daemons[folder]
	return d, ok && known && configuration.MatchString(file)
}

// runsOn returns the unit of a service that is active on a host; empty if none is.
func (d daemon) runsOn(hosts map[string]any, host string) string {
	services := plain.Table(plain.Table(hosts, host), "services")
	for _, unit := range d.units {
		if plain.Str(services, unitName(unit)) == "active" {
			return unit
		}
	}
	return ""
}

// copies returns the file that a call changed, and the hosts on which it did.
func copies(e effect.Occurrence) (file string, hosts []string) {
	if e.Module != "hosts" || e.Name != "copy" || !e.Wrote() {
		return "", nil
	}
	for _, c := range e.Changes {
		if len(c.Path) == 4 && c.Path[0] == "hosts" && c.Path[2] == "files" && (c.Module == "hosts" || c.Module == "") {
			file, hosts = c.Path[3], append(hosts, c.Path[1])
		}
	}
	return file, hosts
}

// takenUp finds files that a run gave to a host on which the service that reads them
// goes on with the ones before, until somebody restarts it. What a command or a request
// does after the copy nobody knows, and people who are asked may do it.
func takenUp(v *effect.View, end effect.Ending) string {
	if end.Status != effect.StatusSucceeded {
		return ""
	}
	type unread struct {
		by         effect.Occurrence
		file, unit string
	}
	waiting := map[string]unread{} // by host
	hosts := plain.Table(v.State("hosts"), "hosts")
	for _, e := range v.Past() {
		switch file, on := copies(e); {
		case len(on) > 0:
			d, known := readBy(file)
			for _, host := range on {
				if unit := d.runsOn(hosts, host); known && unit != "" {
					waiting[host] = unread{e, file, unit}
				}
			}
		case e.Module == effect.ControlModule && effect.Asks(e.Module+"."+e.Name), e.Module != "hosts" && e.Module != effect.ControlModule && e.Class.Writes() && !e.Tells:
			clear(waiting)
		case e.Module == "hosts" && e.Class.Writes() && e.Name != "copy":
			for _, host := range touched(e) {
				delete(waiting, host)
			}
		}
	}
	for _, host := range plain.SortedNames(waiting) {
		w := waiting[host]
		return fmt.Sprintf("%s put %s on %s, and %s, which reads it, goes on with what it read before: reload %s there once the file is tried, and look at what it serves", w.by, w.file, host, w.unit, w.unit)
	}
	return ""
}

// triedFirst finds the only server of its kind that is restarted by files that nobody
// tried: with a mistake in them it does not come up, and nothing serves meanwhile.
func triedFirst(v *effect.View, e effect.Occurrence) string {
	if e.Module != "hosts" || e.Name != "service" || e.Args["action"] != "restart" || !e.Wrote() {
		return ""
	}
	unit := strings.TrimSuffix(unitName(plain.Str(e.Args, "name")), ".service")
	hosts := plain.Table(v.Begin("hosts"), "hosts")
	var by effect.Occurrence
	var file, how string
	for _, p := range v.Past() {
		switch to, on := copies(p); {
		case p.Place == e.Place:
		case len(on) > 0:
			if d, known := readBy(to); known && d.tries != "" && slices.Contains(d.units, unit) && len(common(on, touched(e))) > 0 && alone(d, hosts, on) {
				by, file, how = p, to, d.tries
			}
		case p.Module == "traffic" || p.Module == "dns" || p.Module == "deploy":
			return "" // others may serve meanwhile
		case p.Module == "hosts" && (p.Name == "copy" || p.Name == "list" || p.Name == "read"), p.Module == "hosts" && p.Name == "service" && p.Class == effect.Read,
			p.Module == effect.ControlModule && !effect.Asks(p.Module+"."+p.Name), p.Tells:
		default:
			file = "" // it may have been tried
		}
	}
	if file == "" {
		return ""
	}
	return fmt.Sprintf("%s restarts %s by %s, which %s put there, and nobody tried it: with a mistake in it nothing serves until somebody has mended that; try it first (%s), and reload rather than restart", e, unit, file, by, how)
}

// alone reports whether nothing else of the kind serves.
func alone(d daemon, hosts map[string]any, on []string) bool {
	for host := range hosts {
		if d.runsOn(hosts, host) != "" && !slices.Contains(on, host) {
			return false
		}
	}
	return len(on) == 1
}
