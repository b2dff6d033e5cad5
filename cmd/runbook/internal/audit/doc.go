// Package audit writes a part of the journal into a file of JSON lines, and
// verifies such a file where the journal is not.
//
//	audit     what it is, and of which time
//	excerpt   a run, and the hash before its first event here
//	event     the columns that its hash covers, and the hash     (many)
//	source    a file that one of these events brought: script, plan, configuration
//	head      the newest event of each run of the journal
//	deleted   what is left of each run that was deleted
//	end       how many lines, their SHA-256, and a signature over both
//
// Events name the hashes of what they brought. The chain of hashes tells a line that
// was changed, removed or moved; the last line tells that the end was cut; the
// signature tells that all of it was written anew. Heads anchor the journal: a later
// file, or the journal itself, has to hold the events that an earlier file names.
package audit
