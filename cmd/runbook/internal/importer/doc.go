// Package importer makes a first script of a runbook that is written in Markdown.
//
// Headings become steps, checkboxes a checklist, fenced shell exec.run, waits sleep,
// thresholds a table for health.watch. What a command does to the world the text
// does not say: its class is left open, and the script does not pass `runbook check`
// before its author has stated it. What was not understood stands as a comment
// where it stood, and in the list of what is left to do.
package importer
