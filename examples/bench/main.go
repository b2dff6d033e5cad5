// Command bench measures runbook beside engines of its kind, in one run on one
// machine: a workflow of no-op steps, each written to a ledger, in a process
// of its own that can be killed.
//
//	bench                  measure everything and print one table, in Markdown
//	bench -only dbos,bare  only contenders whose names contain one of these
//	bench -kills 20        fewer kills
//
// What is measured:
//
//   - steps/s, p50, p99: from step to step inside a workflow, without starts.
//   - replay, resume: a workflow is killed after its steps; how long the engine
//     of a new process takes to the first new step, and how long that is from
//     the start of the process.
//   - doubled, lost: a workflow is killed again and again at random moments and
//     started again until it ends; how many steps the ledger shows more than
//     once, or never.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/q-ecosystem/runbook/plugins"
)

// contender is one engine in one setting.
type contender struct {
	name       string
	durability string // what a commit survives
	steps      int    // of a throughput run
	kills      int    // at most, where a resume is slow; 0 for as many as asked
	// work starts the workflow in dir, or takes it up again, and returns when it
	// has ended. Each step calls step with its number, from 1.
	work func(ctx context.Context, dir string, steps int, step func(n int) error) error
}

func contenders() []contender {
	return slices.Concat(runbookContenders(), dbosContenders(), goWorkflowsContenders(), bareContenders())
}

func main() {
	if len(os.Args) == 3 && os.Args[1] == "plugin" {
		plugins.Serve(&ledgerPlugin{})
		return
	}
	if len(os.Args) == 5 && os.Args[1] == "work" {
		steps, err := strconv.Atoi(os.Args[4])
		if err == nil {
			err = beWorker(os.Args[2], os.Args[3], steps)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	only := flag.String("only", "", "contenders whose names contain one of these, separated by commas")
	kills := flag.Int("kills", 100, "random kills of each contender")
	flag.Parse()
	fmt.Println("| engine | a commit survives | steps/s | p50 | p99 | replay | resume | kills | doubled | lost |")
	fmt.Println("|---|---|---|---|---|---|---|---|---|---|")
	failed, speeds := false, map[string]float64{}
	for _, c := range contenders() {
		if !wanted(c.name, *only) {
			continue
		}
		row, err := measure(c, *kills)
		if err != nil {
			fmt.Fprintf(os.Stderr, "%s: %v\n", c.name, err)
			failed = true
			continue
		}
		fmt.Println(row.text)
		speeds[c.name] = row.speed
	}
	ratios(speeds)
	if failed {
		os.Exit(1)
	}
}

// ratios says how this engine compares, in the same run.
func ratios(speeds map[string]float64) {
	fmt.Println()
	for _, pair := range [][2]string{
		{"runbook, recovery observe", "bare SQLite, FULL, one commit"},
		{"runbook, recovery observe", "bare SQLite, FULL, two commits"},
		{"runbook, recovery observe", "DBOS Go, SQLite FULL"},
		{"runbook, plugin process, recovery observe", "DBOS Go, SQLite FULL"},
		{"runbook, plugin process, recovery observe", "DBOS Go, SQLite as shipped (NORMAL)"},
	} {
		if ours, theirs := speeds[pair[0]], speeds[pair[1]]; ours > 0 && theirs > 0 {
			fmt.Printf("- %s, in units of %s: %.2f\n", pair[0], pair[1], ours/theirs)
		}
	}
}

func wanted(name, only string) bool {
	return only == "" || slices.ContainsFunc(strings.Split(only, ","), func(part string) bool { return strings.Contains(name, part) })
}
