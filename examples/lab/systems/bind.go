package systems

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"syscall"
)

// Names that BIND answers for.
const (
	Zone    = "example.org"
	tsigKey = "runbook"
)

const (
	primaryNode  = "dns"
	resolverNode = "resolver"
)

// zoneFile is what the primary begins with. The TTL of www is short: whoever
// watches a resolver does not wait long.
const zoneFile = `$TTL 300
@ IN SOA ns1 hostmaster 1 60 30 600 2
@ IN NS ns1
ns1 IN A 127.0.0.1
www 1 IN A 192.0.2.1
`

// BIND is named as the primary of example.org, and if it is asked for one that
// resolves by asking it.
type BIND struct {
	Dir      string
	Resolver bool
	// Addr and Secret are where the primary listens, and the secret of the key
	// "runbook" that may change the zone; both are set by Start.
	Addr, Secret string
	// ResolverAddr is where the resolver listens.
	ResolverAddr string

	nodes
}

// Missing implements System.
func (b *BIND) Missing() *Missing {
	if program("named") == "" {
		return &Missing{"named is not installed", "apt-get install bind9"}
	}
	return nil
}

// Nodes implements Breakable.
func (b *BIND) Nodes() []string {
	if b.Resolver {
		return []string{primaryNode, resolverNode}
	}
	return []string{primaryNode}
}

// Start implements System.
func (b *BIND) Start(ctx context.Context) error {
	secret := make([]byte, 32)
	if _, err := rand.Read(secret); err != nil {
		return fmt.Errorf("start BIND: %w", err)
	}
	b.Secret = base64.StdEncoding.EncodeToString(secret)
	var err error
	if b.Addr, err = freeAddr(); err != nil {
		return fmt.Errorf("start BIND: %w", err)
	}
	text := fmt.Sprintf("recursion no;\n};\nkey %q { algorithm hmac-sha256; secret %q; };\n"+
		"zone %q { type primary; file \"zone\"; update-policy { grant %s. zonesub ANY; }; };\n", tsigKey+".", b.Secret, Zone, tsigKey)
	if err := b.write(primaryNode, b.Addr, text); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(b.Dir, primaryNode, "zone"), []byte(zoneFile), 0o600); err != nil {
		return fmt.Errorf("start BIND: %w", err)
	}
	if err := b.Revive(ctx, primaryNode); err != nil || !b.Resolver {
		return err
	}
	if b.ResolverAddr, err = freeAddr(); err != nil {
		return fmt.Errorf("start BIND: %w", err)
	}
	host, port, err := net.SplitHostPort(b.Addr)
	if err != nil {
		return fmt.Errorf("start BIND: %w", err)
	}
	// It knows of nothing but the primary: no question leaves this machine.
	text = fmt.Sprintf("recursion yes; forward only; forwarders { %s port %s; };\n};\n", host, port)
	if err := b.write(resolverNode, b.ResolverAddr, text); err != nil {
		return err
	}
	return b.Revive(ctx, resolverNode)
}

// write writes the configuration of a server: more ends its options.
func (b *BIND) write(node, addr, more string) error {
	dir := filepath.Join(b.Dir, node)
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return fmt.Errorf("start BIND: %w", err)
	}
	text := fmt.Sprintf("options { directory %q; pid-file none; session-keyfile none; managed-keys-directory %q;\n"+
		"listen-on port %s { %s; }; listen-on-v6 { none; }; dnssec-validation no; notify no;\n%scontrols {};\n", dir, dir, port, host, more)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("start BIND: %w", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "named.conf"), []byte(text), 0o600); err != nil {
		return fmt.Errorf("start BIND: %w", err)
	}
	return nil
}

// Log returns the path of what a node says.
func (b *BIND) Log(node string) string { return filepath.Join(b.Dir, node, "log") }

// Revive implements Breakable. What was changed while it ran is in its zone's
// journal, and is there again.
func (b *BIND) Revive(ctx context.Context, node string) error {
	if err := noNode(b, node); err != nil || b.Alive(node) {
		return err
	}
	addr := b.Addr
	if node == resolverNode {
		addr = b.ResolverAddr
	}
	p, err := launch("named ("+node+")", b.Log(node), syscall.SIGKILL, nil,
		program("named"), "-g", "-n", "1", "-c", filepath.Join(b.Dir, node, "named.conf"))
	if err != nil {
		return err
	}
	b.set(node, p)
	return p.listening(ctx, addr)
}

// Kill implements Breakable.
func (b *BIND) Kill(node string) error { return b.kill(b, node) }

// Halt implements Breakable.
func (b *BIND) Halt(ctx context.Context, node string) error { return b.halt(ctx, b, node) }

// Describe implements System.
func (b *BIND) Describe() Description {
	const secret = "lab.secrets/tsig"
	settings := map[string]any{"server": b.Addr, "servers": []string{b.Addr}, "key": map[string]any{"name": tsigKey, "secret": "file:" + secret}}
	d := Description{Secrets: map[string]string{secret: b.Secret}, Lines: []Line{{Name: primaryNode, Where: b.Addr, Note: "BIND, primary of " + Zone}}}
	if b.Resolver {
		settings["resolvers"] = map[string]any{resolverNode: b.ResolverAddr}
		d.Lines = append(d.Lines, Line{Name: resolverNode, Where: b.ResolverAddr, Note: "BIND, forwards to dns"})
	}
	d.Entries = []Entry{{Module: "dns", Backend: "rfc2136", Settings: settings}}
	return d
}

// Stop implements System.
func (b *BIND) Stop() {
	for _, node := range b.Nodes() {
		b.get(node).kill()
	}
}
