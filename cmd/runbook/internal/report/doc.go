// Package report tells one run for people who were not there: a model, made
// from the run's journal, and what writes it as HTML, Markdown and JSON.
//
//	journal ── history.Tell ──► Account ── Make ──► Report ─► HTML      one file, drawings as SVG
//	                                                       ├─► Markdown tables
//	                                                       └─► JSON     the model itself
//
// The model holds texts as people read them beside the values that drawings are
// made of. No module is known by name: what was set and observed over time comes
// from what modules declare as their desired state, gates from what composites
// record. Secrets are in no journal, and so in no report.
package report
