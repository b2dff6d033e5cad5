// Package lab runs a small production on loopback: real servers that speak the
// protocols which the backends speak elsewhere. These are in one process:
//
//	load ──HTTP──▶ proxy ──┬─▶ blue   (a web service, v1.0.0)
//	                 ▲     └─▶ green  (the same, not deployed yet)
//	                 │ unix socket, HAProxy's runtime API
//	              haproxy backend
//
//	webhook sink, SMTP sink   keep the messages that they receive
//	control API               deploys, breaks and heals the services
//
// Beside them run the systems of package systems, as far as they are asked for
// and installed: a registry names them, and what each says of itself goes into
// the configuration. A new system is a type there and a line in the registry.
//
// [Start] starts all of it and writes into its directory
//
//   - runbook.yaml, a configuration that points the engine at these servers,
//   - lab.json, where everything listens ([Info]); [Connect] reads it,
//   - lab.systems and lab.secrets, what those keep, and what the configuration refers to,
//   - lab.lock, held while the lab runs: one directory, one lab.
//
// The lab is an example and a test bed, not a product: nothing in it survives
// a restart, as HAProxy's own weights do not. No backend knows that it speaks
// to the lab; where the lab answers a runtime command, it answers byte for
// byte as HAProxy 2.6 does, which a test compares against the real one.
package lab
