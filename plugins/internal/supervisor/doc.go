// Package supervisor is the process between a plugin and a program that it runs:
// the plugin's own executable, started once more. It is the program's parent and
// adopts what the program leaves without one (a daemon's way of leaving its
// session), so that all that the program has started can be found and ended, also
// when the plugin is killed. It ends with the program.
//
// One is started for each program, so that its start has to be cheap. An
// executable becomes a supervisor when this package is initialized, and what is
// initialized before it is paid for each time: packages in the order of their
// paths, each after what it imports. That is why it imports nothing but packages
// of the standard library that all others need in any case.
//
//   - protocol.go   what the plugin and the supervisor tell each other
//   - supervisor.go the process
//   - tree_*.go     what a program has started
package supervisor
