package traffic

import (
	"fmt"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/stdlib/internal/plain"
)

// checkedLate finds runs that moved most of a pool's traffic to a server which had none,
// and fail by the first look at it, which comes afterwards, with the traffic where it
// is. Only checks count, which could as well be made before: what is measured under
// traffic cannot. Who had looked at no server at all is in a hurry.
func checkedLate(v *effect.View, end effect.Ending) string {
	if end.Status != effect.StatusFailed {
		return ""
	}
	begin, now := poolShares(v.Begin("traffic")), poolShares(v.State("traffic"))
	looked := map[string]bool{}
	others := false
	late := map[string]effect.Occurrence{} // by server: by what it got the traffic
	for _, e := range v.Past() {
		at := plain.Str(e.Args, "env")
		switch {
		case e.Place.InRollback():
			return ""
		case e.Module == "health":
			move, moved := late[at]
			if pool := plain.Str(move.Args, "pool"); moved && e.Name == "check" && e.Err != nil && now[pool][at] >= most {
				return fmt.Sprintf("%s gave %s %.4g%% of the traffic, and %s is the first look at it: it failed, the run is %s, and the traffic is there; check it before it gets any",
					move, at, now[pool][at], e, end.Status)
			}
			delete(late, at)
			looked[at], others = true, true
		case e.Module == "traffic" && e.Wrote():
			pool := plain.Str(e.Args, "pool")
			for server, share := range grown(e) {
				if share >= most && begin[pool][server] == 0 && !looked[server] && others {
					late[server] = e
				}
			}
		}
	}
	return ""
}
