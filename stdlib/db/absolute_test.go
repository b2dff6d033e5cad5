package db

import "testing"

func TestAddsToTellsWhatASecondRunAdds(t *testing.T) {
	for sql, want := range map[string]string{
		"UPDATE accounts SET credit = credit + 10 WHERE customer = $1":                                "credit",
		"update only accounts set note = $1, credit = credit - 5":                                     "credit",
		`UPDATE accounts SET "credit" = COALESCE(credit, 0) + 10`:                                     "credit",
		"UPDATE accounts SET log = log || $1 WHERE id = 4":                                            "log",
		"UPDATE accounts SET credit = credit + 10, given = true WHERE customer = $1 AND NOT given":    "",
		"UPDATE accounts SET credit = credit + 10 WHERE credit = 20":                                  "",
		"UPDATE accounts SET credit = 30 WHERE customer = $1":                                         "",
		"UPDATE accounts SET credit = base + 10 WHERE customer = $1":                                  "",
		"DELETE FROM accounts WHERE credit = credit + 10":                                             "",
		"INSERT INTO accounts (customer, credit) VALUES ($1, 10) ON CONFLICT (customer) DO NOTHING":   "",
		"UPDATE accounts SET seen = now() WHERE customer IN (SELECT id FROM customers WHERE x = x+1)": "",
	} {
		if got := addsTo(sql); got != want {
			t.Errorf("%s: it adds to %q, want %q", sql, got, want)
		}
	}
}
