// Package rfc2136 carries the module dns: it changes records by dynamic updates
// (RFC 2136), signed with a shared key (TSIG, RFC 8945), as BIND, Knot,
// PowerDNS and others take them.
//
// # How a set is changed
//
// One update takes the old set away and puts the new one there, under
// prerequisites that the server checks in the same step: the set holds exactly
// what was read or what the call expects, no CNAME stands beside it, and a
// CNAME stands alone. That is compare-and-swap; a server that found something
// else changed nothing. What the server says is verified by a read.
//
// Updates go over TCP to the primary, once each. Where no answer came, the
// outcome is unknown, and Observe asks the primary what it holds.
//
// # Whom is asked
//
// The primary, with the same key, so that it answers from the same view;
// resolvers by name or address; and, as "authoritative", all authoritative
// servers of the zone, which have to agree.
package rfc2136

import (
	"time"

	"github.com/q-ecosystem/runbook/plugins/internal/recordset"
)

// New returns a backend that is not configured yet.
func New() *recordset.Backend {
	return recordset.New(recordset.Service{
		Name: "rfc2136", Version: "1.0.0", Doc: "Change DNS records by dynamic updates, signed with TSIG",
		Config: fields(), Open: open, Settle: 500 * time.Millisecond,
	})
}
