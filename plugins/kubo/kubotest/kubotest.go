// Package kubotest builds and runs the IPFS node that tests and the lab speak to: Kubo's own
// parts, in a process of its own, on loopback.
package kubotest

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
)

// Build builds the node from its source, examples/bench/ipfsnode, into a directory
// and returns the program's path. The source is a module of its own, whose modules
// have to be had from the network.
func Build(source, dir string) (string, error) {
	program := filepath.Join(dir, "ipfsnode")
	cmd := exec.Command("go", "build", "-ldflags", "-s -w", "-o", program, ".")
	cmd.Dir = source
	cmd.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=", "GOGC=off", "GOMEMLIMIT=2GiB") // flags as those of the tests: what both need is compiled once
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the node of %s (its modules have to be had from the network): %w\n%s", source, err, out)
	}
	return program, nil
}

// Node is a node that runs.
type Node struct {
	API     string // http://127.0.0.1:…
	Peer    string // /ip4/127.0.0.1/tcp/…/p2p/…
	Pinning string // http://127.0.0.1:…/psa, of a pinning service
	stop    func()
}

// Start runs a node, which ends with this process at the latest. Its commands have
// to bear the token, if there is one, in the header Authorization. flags are further
// ones of the program.
func Start(program, token string, flags ...string) (*Node, error) {
	cmd := exec.Command(program, append([]string{"-token", token}, flags...)...)
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = attributes()
	in, err := cmd.StdinPipe() // the node ends with it
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	n := &Node{stop: sync.OnceFunc(func() {
		_ = in.Close()
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})}
	lines := bufio.NewScanner(out)
	for n.Peer == "" && lines.Scan() {
		switch kind, rest, _ := strings.Cut(lines.Text(), " "); kind {
		case "pinning":
			n.Pinning = rest
		case "api":
			n.API = rest
		case "peer":
			n.Peer = rest
		}
	}
	if n.Peer == "" {
		n.Stop()
		return nil, errors.Join(errors.New("the node ended before it said where it listens"), lines.Err())
	}
	return n, nil
}

// Stop kills the node, once.
func (n *Node) Stop() { n.stop() }
