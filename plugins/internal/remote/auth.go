package remote

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// identity is what a login is tried with, and how that is told.
type identity struct {
	signers []ssh.Signer
	bad     []string // keys that could not be tried, and why
	tried   []string // "key /home/ops/.ssh/id_ed25519", "2 keys of the agent at …"
	agent   net.Conn // to be closed after the login; nil for none
}

// identify gathers certificates and keys for a host: those of files first, then
// the agent's. A file that cannot be used is an error where nothing else is
// left.
func (s *settings) identify(ctx context.Context, t *Host) (*identity, *effect.Error) {
	id := &identity{}
	for _, file := range t.keys {
		signer, err := s.readKey(file)
		if err != nil {
			id.bad = append(id.bad, err.Error())
			continue
		}
		if cert, err := certified(file+"-cert.pub", signer); err != nil {
			id.bad = append(id.bad, err.Error())
		} else if cert != nil {
			id.signers = append(id.signers, cert)
			id.tried = append(id.tried, "certificate "+file+"-cert.pub")
		}
		id.signers = append(id.signers, signer)
		id.tried = append(id.tried, "key "+file)
	}
	if s.agent != "" {
		if err := id.askAgent(ctx, s.agent); err != nil {
			id.bad = append(id.bad, fmt.Sprintf("the agent at %s cannot be asked: %v", s.agent, err))
		}
	}
	if len(id.signers) == 0 {
		id.close()
		why := "there is no key to log in with"
		if len(id.bad) > 0 {
			why += ": " + strings.Join(id.bad, "; ")
		}
		return nil, effect.Errorf(effect.CodeRefused, "%s: %s", t, why).
			WithHint("name private keys under keys in the configuration of ssh, or load one into an agent (SSH_AUTH_SOCK)")
	}
	return id, nil
}

func (id *identity) askAgent(ctx context.Context, socket string) error {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "unix", socket)
	if err != nil {
		return err
	}
	signers, err := agent.NewClient(conn).Signers()
	if err != nil || len(signers) == 0 {
		_ = conn.Close()
		return err
	}
	id.agent = conn
	id.signers = append(id.signers, signers...)
	id.tried = append(id.tried, fmt.Sprintf("%d keys of the agent at %s", len(signers), socket))
	return nil
}

// story says what the login was tried with, and what could not be tried.
func (id *identity) story() string {
	text := strings.Join(id.tried, ", ")
	if len(id.bad) > 0 {
		text += "; not tried: " + strings.Join(id.bad, ", ")
	}
	return text
}

func (id *identity) close() {
	if id.agent != nil {
		_ = id.agent.Close()
	}
}

// readKey reads a private key. No error holds any of it.
func (s *settings) readKey(file string) (ssh.Signer, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("key %w", err)
	}
	if info, err := os.Stat(file); err == nil && info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("key %s can be read by others (mode %04o): chmod 600 it", file, info.Mode().Perm())
	}
	signer, err := ssh.ParsePrivateKey(data)
	if missing := (*ssh.PassphraseMissingError)(nil); errors.As(err, &missing) {
		if s.passphrase == "" {
			return nil, fmt.Errorf(`key %s has a passphrase: load it into an agent, or give passphrase: "env:NAME"`, file)
		}
		if signer, err = ssh.ParsePrivateKeyWithPassphrase(data, []byte(s.passphrase)); err != nil {
			return nil, fmt.Errorf("key %s cannot be opened with the configured passphrase", file)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("key %s cannot be read as a private key: %v", file, err)
	}
	return signer, nil
}

// certified returns the key together with the certificate in a file; nil if
// there is none.
func certified(file string, signer ssh.Signer) (ssh.Signer, error) {
	data, err := os.ReadFile(file)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	key, _, _, _, err := ssh.ParseAuthorizedKey(data)
	if err != nil {
		return nil, fmt.Errorf("certificate %s cannot be read: %v", file, err)
	}
	cert, ok := key.(*ssh.Certificate)
	if !ok {
		return nil, fmt.Errorf("%s holds no certificate", file)
	}
	if until := cert.ValidBefore; until != ssh.CertTimeInfinity && time.Now().Unix() >= int64(min(until, 1<<62)) {
		return nil, fmt.Errorf("certificate %s has expired at %s", file, time.Unix(int64(until), 0).UTC().Format(time.RFC3339))
	}
	both, err := ssh.NewCertSigner(cert, signer)
	if err != nil {
		return nil, fmt.Errorf("certificate %s does not belong to its key: %v", file, err)
	}
	return both, nil
}
