// Package program runs programs of a team for backends: with an environment in
// which every variable was named by somebody, below a supervisor that finds and
// ends all that they start, with their output read in the order in which it was
// written, and with an end of which it is known what it means.
//
//   - program.go      Program, as people read it
//   - find.go         where a program is
//   - environment.go  what of which environment it sees; settings.go what a configuration says of that
//   - run.go          Run: from its start to its End
//   - process.go      a started program, seen through its supervisor
//   - await.go        until nothing of an earlier attempt runs
//   - pipes_*.go      its output, in order
package program
