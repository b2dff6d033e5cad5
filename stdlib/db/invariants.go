package db

import (
	"fmt"
	"slices"
	"strings"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/stdlib/internal/model"
	"github.com/q-ecosystem/runbook/stdlib/internal/plain"
)

// invariants returns what has to hold of every database.
func invariants() []effect.Invariant {
	return []effect.Invariant{
		{Name: "there is one writable primary at most", Doc: "the old one is stopped before: by hosts.service of its unit on a host named like the node, by a command that names it, or by what a scenario says", After: onePrimary},
		{Name: "no committed write is lost by a promotion", Doc: "the node is at most a second behind", After: nothingLost},
		{Name: "no committed write is lost by a promotion", Doc: "db.lag, where the run asks it, names the node, or people agree", After: lagKnown},
		{Name: "what goes live is whole", After: wholeLive},
		model.Destroys("db", func(args map[string]any) string { return plain.Str(args, "sql") }),
		effect.ReadAgain("db", []string{"promote"}, func(read, _ effect.Occurrence) bool { return read.Module == "db" && read.Name == "lag" }),
		{Name: "a statement that may run twice says what is to be, not what is to be added", Doc: "with recovery = \"retry\", which leaves out the note that db.exec makes of what it did", After: absolute},
		effect.LockedChanges("db", "backup"),
		effect.LockOfAnother("db", "db", "databases"),
		model.KeptFirst(),
		model.KeptAhead(),
		model.KeptItself(),
		model.RightUnit("db", func(args map[string]any) string { return plain.Str(args, "sql") }),
		{Name: "the last backup is kept", After: lastBackup},
		{Name: "the newest backup is kept", Doc: "while an older one is, unless it is damaged or people are asked about it", End: newestGone},
		{Name: "what takes writes is not destroyed", After: writerDestroyed},
		{Name: "what the version in service uses stays until the next one serves", Doc: "a column or a table is dropped or renamed after deploy.activate of the version that does without", End: contractedEarly},
		{Name: "what the version in service uses stays until the next one serves", Doc: "a migration of a later step is not made by an earlier one that names no version", End: contractedUnasked},
		{Name: "what the version in service uses stays until the next one serves", Doc: "a rollback takes the schema back after deploy.activate, or the traffic, that came after it", After: schemaBackFirst},
		model.FillsUp("db", func(args map[string]any) string { return plain.Str(args, "sql") }),
		{Name: "what is restored beside is looked at", End: otherLookedAt},
		{Name: "the newest backup that will do is restored", End: oldRestored},
		{Name: "what is restored is of before the damage", End: damageRestored},
		{Name: "what is restored is of before the damage", Doc: "what goes live is of the moment that a parameter names, if one does", End: momentPassedOver},
		{Name: "what goes live holds all that was written", Doc: "what the run stops, and starts again, is stopped before db.restore of all that there is", End: writtenSince},
		{Name: "what is changed is what was looked at", Doc: "a statement without WHERE comes after no query of the table with one", After: moreThanLookedAt},
		{Name: "an index goes after the one in its place is there", After: indexFirst},
		{Name: "traffic follows the primary", Doc: "what has a node's name gets traffic after the node is promoted, in a pool that is not of readers", After: trafficFirst},
		{Name: notEmptied, Doc: "a file, a body or an input that was made of several rows is not written empty where a query returns none, unless the script warns or people are asked", End: emptied},
		{Name: "readers get no replica that is far behind", Doc: fmt.Sprintf("of more than %d s, where it did not serve like that before", stale), After: readersBehind},
	}
}

func onePrimary(v *effect.View, _ effect.Occurrence) string {
	state := v.State("db")
	if msg := writers(v, "", state); msg != "" {
		return msg
	}
	named := plain.Table(state, "databases")
	for _, name := range plain.SortedNames(named) {
		if msg := writers(v, name, plain.Table(named, name)); msg != "" {
			return msg
		}
	}
	return ""
}

// tolerated is how many seconds of writes a replica that follows in time may be
// behind at any moment.
const tolerated = 1

// nothingLost finds promotions of nodes that were behind.
func nothingLost(_ *effect.View, e effect.Occurrence) string {
	for _, c := range e.Changes {
		if e.Module != "db" || e.Name != "promote" || c.Path[len(c.Path)-1] != "lost" || len(c.Path) != 1 && c.Path[0] != "databases" {
			continue
		}
		if lost, _ := c.To.(float64); lost > tolerated {
			return fmt.Sprintf("%s promoted a node that was %s behind: what was written meanwhile is gone; read db.lag first, and wait or fail",
				e, effect.FormatDuration(effect.Seconds(lost)))
		}
	}
	return ""
}

// lagKnown finds promotions of nodes of which the run asked how far they are
// behind, and nobody said it: that is not to be behind by nothing.
func lagKnown(v *effect.View, e effect.Occurrence) string {
	if e.Module != "db" || e.Name != "promote" || !e.Wrote() {
		return ""
	}
	node := plain.Str(e.Args, "node")
	var unsaid *effect.Occurrence
	for _, p := range v.Past() {
		switch {
		case p.Module == effect.ControlModule && effect.Asks(p.Module+"."+p.Name) && p.Err == nil:
			unsaid = nil // people have taken it on themselves
		case p.Module == "db" && p.Name == "lag" && p.Err == nil && plain.Str(p.Args, "db") == plain.Str(e.Args, "db"):
			if only := plain.Str(p.Args, "node"); only == "" || only == node {
				unsaid = nil
				value, _ := p.Value.(map[string]any)
				if plain.Table(value, "replicas")[node] == nil {
					unsaid = &p
				}
			}
		}
	}
	if unsaid == nil {
		return ""
	}
	return fmt.Sprintf("%s promoted %s, and %s was not told how far it is behind: what nobody says is not zero; fail where lag is nil, or ask people", e, node, unsaid)
}

// writers tells if several nodes of a database take writes.
func writers(v *effect.View, name string, database map[string]any) string {
	nodes := plain.Table(database, "nodes")
	var writable []string
	for _, node := range plain.SortedNames(nodes) {
		n := plain.Table(nodes, node)
		if n["up"] != false && n["writable"] == true {
			writable = append(writable, node)
		}
	}
	if len(writable) > 1 {
		writable = slices.DeleteFunc(writable, func(node string) bool { return fenced(v, node) })
	}
	if len(writable) < 2 {
		return ""
	}
	return strings.TrimSpace("several nodes of the database "+name) + " take writes: " + strings.Join(writable, ", ")
}

// wholeLive finds damaged data that took the place of the live data.
func wholeLive(v *effect.View, e effect.Occurrence) string {
	if e.Module != "db" || e.Name != "swap" || e.Err != nil || e.Place.InRollback() {
		return ""
	}
	database := v.State("db")
	if name := plain.Str(e.Args, "db"); name != "" {
		database = plain.Table(plain.Table(database, "databases"), name)
	}
	if live := plain.Table(database, "live"); live["valid"] == false {
		return fmt.Sprintf("%s put %s in the place of the live data, and it is damaged: db.validate { copy = %q } first", e, plain.Str(e.Args, "copy"), plain.Str(e.Args, "copy"))
	}
	return ""
}
