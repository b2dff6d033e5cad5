// Package redact takes the values of secrets out of texts before they are
// shown, recorded or handed to a script. It is the one place that knows in
// which forms a secret shows itself:
//
//   - as it is, and each line of a secret of several lines by itself
//   - escaped as in JSON, also within JSON, in HTML and XML, in URLs, and between
//     quotes as Go, Python and JavaScript show texts
//   - in base64, in any alignment, either alphabet, and wrapped into lines
//   - in hexadecimal, either case, with or without separators
//
// A [Scrubber] knows a set of secrets and is safe for concurrent use; a
// [Stream] of it takes a text in pieces, wherever they are cut. Both are linear
// in the text, however many secrets there are. [Known] is a set that grows; a
// [Handler] scrubs all that comes back from an effect with it, a [Writer] what
// a process writes.
//
// # What is not looked for
//
// Values and single lines of fewer than [Least] bytes: "1" or "admin" stand in
// every text, and to replace them would corrupt what a script acts upon and
// give the secret away besides. A secret that was put through anything else (a
// hash, a cipher, a compressor, a program that prints its letters apart) is
// not known again either.
package redact
