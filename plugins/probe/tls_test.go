package probe

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// startTLS serves HTTPS with a certificate of that life, and returns its
// address and a file with its authority.
func startTLS(t *testing.T, life time.Duration) (addr, ca string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"},
		NotBefore: time.Now().Add(-365 * 24 * time.Hour), NotAfter: time.Now().Add(life),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	s.Config.ErrorLog = log.New(io.Discard, "", 0) // refused handshakes are what is tested
	s.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
	s.StartTLS()
	t.Cleanup(s.Close)
	ca = filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return s.Listener.Addr().String(), ca
}

func TestTLS(t *testing.T) {
	const day = 24 * time.Hour
	good, goodCA := startTLS(t, 90*day+time.Hour)
	soon, soonCA := startTLS(t, 3*day)
	past, pastCA := startTLS(t, -day)
	plain := startService(t)

	tests := []struct {
		name   string
		target map[string]any
		want   string
		hint   string // a part of that of the error; "" for no error
	}{
		{"valid", map[string]any{"tls": good, "ca": goodCA}, "certificate valid for 90 days", ""},
		{"https", map[string]any{"url": "https://" + good, "ca": goodCA}, "200 OK", ""},
		{"untrusted", map[string]any{"tls": good}, "x509: certificate signed by unknown authority", "`ca` of the target"},
		{"https untrusted", map[string]any{"url": "https://" + good}, "x509: certificate signed by unknown authority", "`ca` of the target"},
		{"ends soon", map[string]any{"tls": soon, "ca": soonCA}, "the certificate is valid for 3.0 days more (wants 7)", "give it longer"},
		{"ends soon enough", map[string]any{"tls": soon, "ca": soonCA, "min_days": 2.0}, "certificate valid for 2 days", ""},
		{"https expired", map[string]any{"url": "https://" + past, "ca": pastCA}, "certificate has expired", "renew the certificate"},
		{"another name", map[string]any{"tls": strings.Replace(good, "127.0.0.1", "localhost", 1), "ca": goodCA}, "", "by a name that its certificate bears"},
		{"expired", map[string]any{"tls": past, "ca": pastCA}, "certificate has expired", "renew the certificate"},
		{"no TLS", map[string]any{"tls": plain.Listener.Addr().String()}, "first record does not look like a TLS handshake", "give it longer"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			b := configured(t, map[string]any{"green": test.target})
			timeout := 30.0
			if test.hint != "" {
				timeout = 0.5
			}
			got, err := invoke(context.Background(), b, "check", map[string]any{"env": "green", "timeout": timeout})
			if test.hint != "" {
				if e := wantCode(t, err, effect.CodeUnhealthy); !strings.Contains(e.Message, test.want) || !strings.Contains(e.Hint, test.hint) {
					t.Errorf("message %q, hint %q", e.Message, e.Hint)
				}
				return
			}
			if err != nil || got["detail"] != test.want {
				t.Errorf("got %v, %v", got, err)
			}
		})
	}
}
