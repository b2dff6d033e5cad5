// Package host finds plugins, starts them, and passes calls to them.
//
//   - [Discover] lists the plugins in a directory, with what is wrong with
//     each.
//   - [Spec] says how to start one and what to tell it.
//   - [Host] keeps the processes of a set of specs: it starts them, holds
//     their ops against the contract, configures them, routes each call to
//     the one that carries its op, and starts a dead one again for the next
//     call.
//   - [Remote] speaks the protocol over one connection; it knows nothing of
//     processes.
//
// # What a call that went wrong means
//
// An error that the plugin answered is taken as it is. Everything else (the
// plugin died, hung past the call's timeout, or the operator canceled the call
// and no answer came) leaves three cases, and the host never sends a call
// twice in any of them:
//
//   - The request certainly never left: code "unavailable", nothing happened.
//   - The call only reads: code "unavailable", nothing was changed.
//   - The call writes: code "unknown". The plugin's process group is killed
//     before the error is returned, so that the write cannot be applied later,
//     behind the back of whoever looks at the system now. Other calls under
//     way in that plugin share its fate.
//
// # What a plugin can reach
//
// A plugin runs in a process group of its own, with /dev/null as its standard
// input, without the host's environment, and dies with the host. The two speak
// over a unix socket in a directory that only this user can enter; whoever
// gets past that could as well trace the processes, so there is no TLS on it,
// which spares 30 ms a start.
//
// A plugin that is no part of this program is run only from a file that nobody
// else can write, and only if the file's SHA-256 is the one that the operator
// pinned; the file that was hashed is the one that is executed.
package host
