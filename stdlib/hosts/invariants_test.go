package hosts

import "testing"

// TestReboots tells what takes a whole host away from what does not.
func TestReboots(t *testing.T) {
	for line, want := range map[string]bool{
		"reboot": true, "sudo reboot": true, "shutdown -r now": true, "shutdown -h +1": true, "shutdown now": true, "sudo /sbin/shutdown -r 23:00": true,
		"systemctl reboot": true, "shutdown -c": false, "systemctl restart nginx": false, "rebooted": false,
	} {
		if got := reboots.MatchString(line); got != want {
			t.Errorf("%q reboots: %v", line, got)
		}
	}
}
