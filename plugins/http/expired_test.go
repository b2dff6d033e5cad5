package http

import (
	"crypto/tls"
	"crypto/x509"
	"strings"
	"testing"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// TestExpiredCertificate: that a certificate has run out is mended by another
// one, not by trusting its authority.
func TestExpiredCertificate(t *testing.T) {
	for reason, hint := range map[x509.InvalidReason]string{x509.Expired: "renew the certificate", x509.NotAuthorizedToSign: "the authority that signed"} {
		err := &tls.CertificateVerificationError{Err: x509.CertificateInvalidError{Reason: reason, Cert: &x509.Certificate{}}}
		e := (&call{asked: "GET https://api.example.org/"}).classify(t.Context(), err, time.Now())
		if e.Code != effect.CodeRefused || !strings.Contains(e.Hint, hint) {
			t.Errorf("%s, hint %q, want %q", e.Message, e.Hint, hint)
		}
	}
}
