package model

import (
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

type obj = map[string]any

func command(place effect.Place, line string) effect.Occurrence {
	return effect.Occurrence{Place: place, Module: "exec", Name: "run", Class: effect.Write, Args: obj{"shell": line}, Where: effect.Position{File: "x.lua", Line: len(place)}}
}

// TestExcuses tells what may have been a copy of what is destroyed from what only
// reads like one.
func TestExcuses(t *testing.T) {
	const rows, files = "DROP DATABASE", "rm -rf /srv/uploads"
	for _, c := range []struct {
		line, what string
		want       bool
	}{
		{"pg_dump main > /backup/main.sql", rows, true},
		{"sudo -u postgres pg_dumpall | gzip > all.gz", rows, true},
		{"mysqldump --single-transaction shop", rows, true},
		{"./db_backup.sh", rows, true},
		{"./backupdb", rows, true},
		{"./dumpdb.sh main", rows, true},
		{"docker run --rm tools backup", rows, true},
		{"pg_dump main > new.dump && rm -f old.dump", rows, true},
		{"systemctl stop app; tar czf /mnt/pg.tgz /var/lib/postgresql", rows, true},
		{"systemctl start pg-backup.service", rows, true},
		{"gcloud sql export sql main gs://kept/main", rows, true},
		{"etcdctl snapshot save s.db", rows, true},
		{"argocd app sync shop", rows, false},
		{"systemctl restart postgres_exporter", rows, false},
		{"systemctl restart backup-agent", rows, false},
		{"./export-metrics.sh begins", rows, false},
		{"export PGPASSFILE=/etc/pgpass; psql -c 'SELECT 1'", rows, false},
		{"cp maintenance.html /var/www/index.html", rows, false},
		{"tcpdump -c 100 port 5432", rows, false},
		{"velero backup delete old", rows, false},
		{"restic forget --prune", rows, false},
		{"sync", files, false},
		{"argocd app sync shop", files, false},
		{"tar czf /mnt/uploads.tgz /srv/uploads", files, true},
		{"rsync -a --delete /srv/uploads/ store:/uploads/", files, true},
		{"cp -a /srv/uploads /srv/uploads.kept", files, true},
	} {
		if got := excuses(command("1", c.line), c.what); got != c.want {
			t.Errorf("%q excuses %q: %v", c.line, c.what, got)
		}
	}
}

// TestKeptFirst finds changes whose own copy failed, and no others.
func TestKeptFirst(t *testing.T) {
	failed := func(e effect.Occurrence) effect.Occurrence {
		e.Err = effect.Errorf(effect.CodeFailed, "no room")
		return e
	}
	backup := func(place effect.Place, name string) effect.Occurrence {
		return effect.Occurrence{Place: place, Module: "db", Name: "backup", Class: effect.Write, Args: obj{"db": name}, Where: effect.Position{File: "b.lua", Line: 1}}
	}
	migrate := effect.Occurrence{Place: "9", Module: "db", Name: "migrate", Class: effect.Write, Args: obj{"db": "main"}}
	wipe := command("9", "rm -rf /srv/uploads")
	for name, c := range map[string]struct {
		copy   effect.Occurrence
		more   []effect.Occurrence
		change effect.Occurrence
		finds  bool
	}{
		"the backup":                         {backup("1", "main"), nil, migrate, true},
		"and something else was copied":      {backup("1", "main"), []effect.Occurrence{command("2", "cp maintenance.html /var/www/index.html")}, migrate, true},
		"and another database was backed up": {backup("1", "main"), []effect.Occurrence{backup("2", "other")}, migrate, true},
		"and it was made again":              {backup("1", "main"), []effect.Occurrence{backup("2", "main")}, migrate, false},
		"and a dump was made instead":        {backup("1", "main"), []effect.Occurrence{command("2", "pg_dump main > main.sql")}, migrate, false},
		"that of another database":           {backup("1", "other"), nil, migrate, false},
		"a dump":                             {command("1", "pg_dump main > main.sql"), nil, migrate, true},
		"a dump, and there is a backup":      {command("1", "pg_dump main > main.sql"), []effect.Occurrence{backup("2", "main")}, migrate, false},
		"a mark in the dashboards":           {command("1", "./export-metrics.sh begins"), nil, migrate, false},
		"a backup of what is no data":        {command("1", "./backup-dashboards.sh"), nil, migrate, false},
		"an archive of what is removed":      {command("1", "tar czf /mnt/u.tgz /srv/uploads"), nil, wipe, true},
		"an archive of something else":       {command("1", "tar czf /mnt/l.tgz /srv/logs"), nil, wipe, false},
		"a backup of what is removed":        {command("1", "restic backup /srv"), nil, wipe, true},
		"a backup of a database":             {backup("1", "main"), nil, command("9", "kubectl delete deployment web"), false},
	} {
		v := &effect.View{Usual: append(append([]effect.Occurrence{c.copy}, c.more...), c.change)}
		past := append(append([]effect.Occurrence{failed(c.copy)}, c.more...), c.change)
		v.Done = func() []effect.Occurrence { return past }
		if got := KeptFirst().After(v, c.change); (got != "") != c.finds {
			t.Errorf("%s failed: %q", name, got)
		}
	}
}

// TestKeptAhead finds copies that come after what they are for.
func TestKeptAhead(t *testing.T) {
	op := func(name, db string) effect.Occurrence {
		return effect.Occurrence{Module: "db", Name: name, Class: effect.Write, Args: obj{"db": db}, Changes: []effect.Change{{Module: "db", Path: []string{"version"}}}}
	}
	migrate, backup := op("migrate", "main"), op("backup", "main")
	look := effect.Occurrence{Module: "db", Name: "backups", Class: effect.Read, Args: obj{"db": "main"}}
	for name, c := range map[string]struct {
		past  []effect.Occurrence
		finds bool
	}{
		"first the backup":                  {[]effect.Occurrence{backup, migrate}, false},
		"first the migration":               {[]effect.Occurrence{migrate, backup}, true},
		"before and after":                  {[]effect.Occurrence{backup, migrate, backup}, false},
		"a look at the backups comes first": {[]effect.Occurrence{look, migrate, backup}, false},
		"the backup of another database":    {[]effect.Occurrence{migrate, op("backup", "other")}, false},
		"a dump":                            {[]effect.Occurrence{migrate, command("2", "pg_dump main > main.sql")}, true},
	} {
		v := &effect.View{Done: func() []effect.Occurrence { return c.past }}
		if got := KeptAhead().End(v, effect.Ending{Status: effect.StatusSucceeded}); (got != "") != c.finds {
			t.Errorf("%s: %q", name, got)
		}
	}
}
