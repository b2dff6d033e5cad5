package route53

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/q-ecosystem/runbook/plugins/internal/recordset"
	contract "github.com/q-ecosystem/runbook/stdlib/dns"
)

// Route 53 writes bytes by their octal numbers, \052, where zone files have
// decimal ones.

// plainName returns a name of Route 53 in the form of this program.
func plainName(name string) string {
	return recordset.Lower(renumber(name, 8, func(n uint64) string { return string([]byte{byte(n)}) }))
}

// fromRoute53 returns a value in the one form of package dns.
func fromRoute53(kind, value string) (string, error) {
	switch kind {
	case "TXT", "CAA":
		value = renumber(value, 8, func(n uint64) string { return fmt.Sprintf(`\%03d`, n) })
	default:
		value = renumber(value, 8, func(n uint64) string { return string([]byte{byte(n)}) })
	}
	return contract.Canonical(kind, value)
}

// toRoute53 returns a value as Route 53 takes it.
func toRoute53(kind, value string) string {
	switch kind {
	case "TXT", "CAA":
		return renumber(value, 10, func(n uint64) string { return fmt.Sprintf(`\%03o`, n) })
	}
	return recordset.Absolute(kind, value)
}

// renumber puts what write says in the place of each byte that is written by
// its number of a base.
func renumber(s string, base int, write func(n uint64) string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' {
			b.WriteByte(s[i])
			continue
		}
		if i+3 < len(s) {
			if n, err := strconv.ParseUint(s[i+1:i+4], base, 8); err == nil {
				b.WriteString(write(n))
				i += 3
				continue
			}
		}
		b.WriteByte(s[i])
		if i++; i < len(s) {
			b.WriteByte(s[i])
		}
	}
	return b.String()
}
