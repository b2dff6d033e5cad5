package model

import "testing"

func TestWrongUnit(t *testing.T) {
	for line, want := range map[string]string{
		"openssl x509 -noout -checkend 30 -in a.pem":           "30",
		"openssl x509 -noout -checkend 2592000 -in a.pem":      "",
		"openssl x509 -noout -checkend 0":                      "", // whether it has ended
		"SET LOCAL lock_timeout = 5":                           "5",
		"SET statement_timeout TO '30'":                        "30",
		"SET statement_timeout = '5s'":                         "",
		"SET statement_timeout = 5000":                         "",
		"SET statement_timeout = 0":                            "",
		"psql -c \"set statement_timeout = 20; select now()\"": "20",
	} {
		if got, _, _ := wrongUnit(line); got != want {
			t.Errorf("%s: %q, want %q", line, got, want)
		}
	}
}
