package rfc2136

import (
	"encoding/base64"
	"strings"
	"time"

	"github.com/miekg/dns"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins/internal/recordset"
)

func fields() []effect.Field {
	return []effect.Field{
		{Name: "server", Type: effect.String, Required: true, Min: effect.Bound(1), Doc: "the primary, which takes updates: host or host:port"},
		{Name: "key", Type: effect.Object, Doc: "the key that it knows us by; none if left out", Fields: []effect.Field{
			{Name: "name", Type: effect.String, Required: true, Min: effect.Bound(1), Doc: "the key's name, as the server has it"},
			{Name: "algorithm", Type: effect.Enum, Enum: []string{"hmac-sha256", "hmac-sha512", "hmac-sha384", "hmac-sha224", "hmac-sha1"}, Default: "hmac-sha256", Doc: "its algorithm"},
			{Name: "secret", Type: effect.String, Secret: true, Required: true, Doc: "the secret, in base64"}}},
		{Name: "timeout", Type: effect.Duration, Default: "5s", Min: effect.Bound(0.01), Doc: "how long one answer may take"},
	}
}

// open reads what fields declares.
func open(config map[string]any) (recordset.Keeper, error) {
	str := func(m map[string]any, name string) string { s, _ := m[name].(string); return s }
	seconds, _ := config["timeout"].(float64)
	p := &primary{client: recordset.Client{Timeout: effect.Seconds(seconds)}}
	if p.client.Timeout <= 0 {
		p.client.Timeout = 5 * time.Second
	}
	p.peer.Address, p.peer.Stream = recordset.Address(str(config, "server")), true
	p.peer.Name = "the primary " + p.peer.Address
	if k, ok := config["key"].(map[string]any); ok {
		secret := str(k, "secret")
		if hidden, ok := k["secret"].(effect.Secret); ok {
			secret = hidden.Reveal()
		}
		secret = strings.Join(strings.Fields(secret), "")
		if raw, err := base64.StdEncoding.DecodeString(secret); err != nil || len(raw) == 0 {
			return nil, effect.Errorf(effect.CodeInvalid, "configure rfc2136: key.secret: it is no base64").WithHint("copy it from the key file, without quotes and semicolon")
		}
		p.peer.Key = &recordset.Key{Name: dns.Fqdn(recordset.Lower(str(k, "name"))), Algorithm: dns.Fqdn(str(k, "algorithm")), Secret: secret}
	}
	return p, nil
}
