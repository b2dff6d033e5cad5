package model

import (
	"github.com/q-ecosystem/runbook/interpreter/lazyregexp"
)

var (
	// forgets matches what has a cache forget what it holds, and ofCache what says that
	// it is one.
	forgets = lazyregexp.New(`(?i)\b(purge[sd]?|purge[-_](all|cache|everything)|invalidat(e|es|ion|ions)|create-invalidation|ban|flush(ed)?|clear(ed)?)\b`)
	ofCache = lazyregexp.New(`(?i)\bcdn\b|(\b|_)cache[sd]?(\b|_)|invalidat|fastly|cloudfront|cloudflare|akamai|varnish|bunny|\bnginx-cache`)
)

// Forgets reports whether what a call says has a cache forget what it holds. Said
// twice, it is the same.
func Forgets(line string) bool { return forgets.MatchString(line) && ofCache.MatchString(line) }
