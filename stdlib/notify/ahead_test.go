package notify

import "testing"

// TestClaims tells messages that say of the whole that it is over from those about a
// step on the way or about what is to come.
func TestClaims(t *testing.T) {
	for text, claims := range map[string]bool{
		"v2 is live":                           true,
		"The migration has been completed":     true,
		"orders: deployed":                     true,
		"incident resolved.":                   true,
		"v2 goes live next":                    false,
		"v2 is being released":                 false,
		"50% is done":                          false,
		"the backup is complete":               false,
		"db is restored, switching names":      false,
		"step 2 is done":                       false,
		"starting the deployment of v2":        false,
		"web-3 of 8 is done":                   false,
		"when this is done, traffic will move": false,
	} {
		if got := claim.MatchString(text) && !onTheWay.MatchString(text); got != claims {
			t.Errorf("%q claims: %v", text, got)
		}
	}
}
