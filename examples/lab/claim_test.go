package lab

import "testing"

// TestAwkward: what archive_command cannot hold goes elsewhere, and a blank does not.
func TestAwkward(t *testing.T) {
	for path, want := range map[string]bool{
		"/home/ana/on call/.runbook-lab": false, "/srv/lab-1_a.b": false,
		"/home/o'neill": true, `/srv/"x"`: true, "/srv/50%": true, `/srv/a\b`: true, "/srv/$lab": true, "/srv/`lab`": true,
	} {
		if awkward(path) != want {
			t.Errorf("%s: %v", path, !want)
		}
	}
}
