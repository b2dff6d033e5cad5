package remote

import (
	"errors"
	"fmt"
	"net"
	"strings"

	"github.com/skeema/knownhosts"
	"golang.org/x/crypto/ssh"
	xknown "golang.org/x/crypto/ssh/knownhosts"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// hostKeys holds a host to the key or the authority that known_hosts has for
// it. An unknown key is never taken: whoever answers could be anybody.
type hostKeys struct {
	callback   ssh.HostKeyCallback
	algorithms []string
	failure    *effect.Error // why the key was refused
}

func (s *settings) hostKeys(t *Host) (*hostKeys, *effect.Error) {
	if len(s.knownHosts) == 0 {
		return nil, effect.Errorf(effect.CodeRefused, "%s: there is no known_hosts file, so that nobody knows its key", t).WithHint("%s", addKey(t))
	}
	db, err := knownhosts.NewDB(s.knownHosts...)
	if err != nil {
		return nil, effect.Errorf(effect.CodeInvalid, "%s: known_hosts cannot be read: %v", t, err)
	}
	k := &hostKeys{algorithms: db.HostKeyAlgorithms(t.Addr())}
	check := db.HostKeyCallback()
	k.callback = func(addr string, remote net.Addr, key ssh.PublicKey) error {
		err := check(addr, remote, key)
		if err != nil {
			k.failure = s.explainKey(t, key, err)
		}
		return err
	}
	return k, nil
}

func (s *settings) explainKey(t *Host, key ssh.PublicKey, err error) *effect.Error {
	shown, files := fmt.Sprintf("%s %s", key.Type(), ssh.FingerprintSHA256(key)), strings.Join(s.knownHosts, " and ")
	var mismatch *xknown.KeyError
	var revoked *xknown.RevokedError
	switch {
	case errors.As(err, &revoked):
		return effect.Errorf(effect.CodeRefused, "%s shows a key that is revoked in %s:%d: %s", t, revoked.Revoked.Filename, revoked.Revoked.Line, shown).
			WithHint("do not log in there before you know why")
	case errors.As(err, &mismatch) && len(mismatch.Want) > 0:
		var want []string
		for _, w := range mismatch.Want {
			want = append(want, fmt.Sprintf("%s %s (%s:%d)", w.Key.Type(), ssh.FingerprintSHA256(w.Key), w.Filename, w.Line))
		}
		return effect.Errorf(effect.CodeRefused, "%s shows another key than the known one: %s, known is %s", t, shown, strings.Join(want, ", ")).
			WithHint("somebody may be in between; if the host was made anew, compare the fingerprint there (ssh-keygen -lf /etc/ssh/ssh_host_…_key.pub), then: ssh-keygen -R '%s', and add the new key", xknown.Normalize(t.Addr()))
	case errors.As(err, &mismatch):
		return effect.Errorf(effect.CodeRefused, "%s shows a key that is not known: %s; it is not in %s", t, shown, files).WithHint("%s", addKey(t))
	}
	return effect.Errorf(effect.CodeRefused, "%s shows a key or a certificate that is not accepted: %s: %v", t, shown, err).
		WithHint("the certificate's authority has to stand in %s as @cert-authority, and the certificate has to name the host as it is called here", files)
}

// addKey says how a key becomes known.
func addKey(t *Host) string {
	return fmt.Sprintf("compare the fingerprint on the host (ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub), then add the key: ssh-keyscan -p %d %s >> ~/.ssh/known_hosts", t.port, t.Address)
}
