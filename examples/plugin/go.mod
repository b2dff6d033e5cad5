// Someone's own module and backend. A copy of this folder elsewhere takes the
// last line away, and the file go.work; then `go get` and `go mod tidy`.
module example.org/flagdir

go 1.26.0

require github.com/q-ecosystem/runbook v0.0.0

replace github.com/q-ecosystem/runbook => ../..
