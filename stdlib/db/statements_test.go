package db

import (
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

func did(name, sql string) effect.Occurrence {
	class := effect.Write
	if name == "query" {
		class = effect.Read
	}
	return effect.Occurrence{Place: effect.Place(name + sql), Module: "db", Name: name, Class: class, Args: obj{"sql": sql}}
}

func TestMoreThanLookedAt(t *testing.T) {
	some := "SELECT count(*) AS n FROM crm.profiles p WHERE org = $1"
	for name, c := range map[string]struct {
		looked, sql string
		want        bool
	}{
		"all":                           {some, "UPDATE profiles SET admin = true", true},
		"all are deleted":               {some, `DELETE FROM "profiles"`, true},
		"those looked at":               {some, "UPDATE profiles SET admin = true WHERE org = $1", false},
		"of another table":              {some, "UPDATE orders SET paid = true", false},
		"nobody looked at some":         {"SELECT count(*) FROM profiles", "UPDATE profiles SET admin = true", false},
		"what lacks a value was looked": {"SELECT count(*) FROM profiles WHERE admin IS NULL", "UPDATE profiles SET admin = coalesce(admin, false)", false},
	} {
		past := []effect.Occurrence{did("query", c.looked)}
		if got := moreThanLookedAt(&effect.View{Done: func() []effect.Occurrence { return past }}, did("exec", c.sql)); (got != "") != c.want {
			t.Errorf("%s: %q", name, got)
		}
	}
}

func TestIndexFirst(t *testing.T) {
	drop, make := did("exec", "DROP INDEX CONCURRENTLY charges_merchant_idx"), did("exec", "CREATE INDEX CONCURRENTLY charges_open_idx ON charges (merchant)")
	for name, c := range map[string]struct {
		past []effect.Occurrence
		last effect.Occurrence
		want bool
	}{
		"dropped first":         {[]effect.Occurrence{drop}, make, true},
		"by its prefix":         {[]effect.Occurrence{did("exec", "DROP INDEX IF EXISTS idx_charges_merchant")}, make, true},
		"of MySQL":              {[]effect.Occurrence{did("exec", "DROP INDEX by_merchant ON charges")}, make, true},
		"made first":            {[]effect.Occurrence{make}, drop, false},
		"of another table":      {[]effect.Occurrence{did("exec", "DROP INDEX orders_idx")}, make, false},
		"of a longer name":      {[]effect.Occurrence{did("exec", "DROP INDEX surcharges_idx")}, make, false},
		"anew under its name":   {[]effect.Occurrence{did("exec", "DROP INDEX IF EXISTS charges_open_idx")}, make, false},
		"rows are put in first": {[]effect.Occurrence{drop, did("exec", "COPY charges FROM '/srv/charges'")}, make, false},
		"nobody used it":        {[]effect.Occurrence{did("query", "SELECT idx_scan FROM pg_stat_user_indexes"), drop}, make, false},
	} {
		past := append(c.past, c.last)
		if got := indexFirst(&effect.View{Done: func() []effect.Occurrence { return past }}, c.last); (got != "") != c.want {
			t.Errorf("%s: %q", name, got)
		}
	}
}
