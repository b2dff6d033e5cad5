package app

// Line describes a line of --json's stream: what it tells, which commands print
// it, and its members. A test holds what is printed against it, and the reference
// shows it.
type Line struct {
	Type string   // its member "type"
	From []string // the commands, as "run" and "audit verify"; empty for all of them
	Doc  string
	// Shape is a value of what is printed; its members are documented by the tag
	// doc, or by Notes.
	Shape any
	Notes map[string]string
}

// Carrying returns the commands that carry a run on.
func Carrying() []string { return []string{"run", "resume", "rollback", "fork"} }

// Lines are those that every command may print, and those of a record.
func Lines() []Line {
	return []Line{
		{Type: "stream", Doc: "The first line.", Shape: streamLine{}},
		{Type: "error", Doc: "Why the command did not do it; nothing follows.", Shape: errorLine{}},
		{Type: "event", From: append(Carrying(), "show", "log"), Shape: eventLine{},
			Doc: "An event of a run's record. run, resume, rollback and fork print those that they record, as log prints them afterwards.",
			Notes: map[string]string{"op": "the op of an effect", "args": "its arguments, secrets as digests", "class": "read, write, irreversible; value for what is no call",
				"recovery": "what becomes of it if its outcome is unknown", "key": "its idempotency key", "attempt": "how often it was sent", "where": "file and line of the script",
				"value": "what came back", "error": "why it failed", "outcome": "applied, not_applied, unknown, forgone of an effect; approved, denied of an answer",
				"name": "of a step, branch, checkpoint, source or lock; the level of a log line", "text": "of a log line, or more about the event", "by": "the person",
				"user": "the operating system's user behind by", "via": "how it is known who by is, where the configuration names people: account, or token and the first digits of its digest", "roles": "that by has", "reason": "in that person's words", "status": "where the run stands from here on", "hash": "of a source; of a status, that of the program that goes on with the run; of an approval, that of the script, the plan and the parameters it is for"}},
		{Type: "configuration", From: []string{"resume", "rollback", "fork"}, Shape: configLine{},
			Doc: "In what the configuration's file differs from what the run goes on with."},
	}
}
