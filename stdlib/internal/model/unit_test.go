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

func TestOtherUnit(t *testing.T) {
	for line, want := range map[string]string{
		"kafka-configs --alter --add-config retention.ms=259200":    "retention.ms = 259200",
		"kafka-configs --alter --add-config retention.ms=259200000": "",
		"kafka-configs --alter --add-config retention.ms=1000":      "", // to empty a topic
		"redis-cli config set lock-timeout-ms 7200":                 "lock-timeout-ms = 7200",
		`{"keepMs": 86400}`:          "keepMs = 86400",
		"set timeout.ms=36000":       "", // 36 s, or 10 h
		"set timeout.ms=2500":        "",
		"set ttl_seconds = 86400000": "ttl_seconds = 86400000",
		"set ttl_seconds = 31536000": "",
		"set ttl-seconds 86400":      "",
		"cp items 86400":             "",
	} {
		if got, _, _ := otherUnit(line); got != want {
			t.Errorf("%s: %q, want %q", line, got, want)
		}
	}
}
