package rehearse_test

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/rehearse"
	"github.com/q-ecosystem/runbook/interpreter/script"
	"github.com/q-ecosystem/runbook/interpreter/simulate"
	"github.com/q-ecosystem/runbook/stdlib"
)

// seeded lists the planted faults: the invariant by which each is to be found,
// and the fewest faults of a schedule that bring it to light.
var seeded = []struct {
	name, invariant string
	depth           int
}{
	{"absent-is-done", "what was not measured is not nothing", 1},
	{"ahead-by-luck", "no traffic is moved to what is not there", 1},
	{"alert-read", "no traffic is moved to what an alert fires about", 1},
	{"all-cordoned", "a drain leaves of everything an instance", 1},
	{"all-rows", "what is changed is what was looked at", 1},
	{"another-copied", "what a run keeps a copy of is not changed without it", 1},
	{"another-drained", "a machine is empty before it is taken down", 1},
	{"archived-in-part", "what is removed after it was archived is in the archive", 1},
	{"asked-afterwards", "nothing irreversible comes before its approval", 1},
	{"bad-verdict", "a bad verdict is not passed over", 1},
	{"canaries-unwatched", "a gate looks at what was changed", 1},
	{"certificate-unread", "a service takes up the files that it is given", 1},
	{"checked-afterwards", "a gate looks at what gets the traffic", 1},
	{"code-before-schema", "what is in service stays well on the way", 1},
	{"cold-caches", "a member takes part again before the next one is away", 1},
	{"column-first", "what the version in service uses stays until the next one serves", 1},
	{"columns-first", "what is in service stays well on the way", 1},
	{"copied-afterwards", "what a run keeps a copy of is not changed without it", 1},
	{"copied-to-some", "what failed on a host is not passed over", 1},
	{"copy-failed", "what a run keeps a copy of is not changed without it", 1},
	{"credential-kept", "what is issued for a run ends with it", 1},
	{"credential-left", "what is issued for a run ends with it", 1},
	{"credit-twice", "a request that is sent again says that it is the same", 1},
	{"damage-restored", "what is restored is of before the damage", 1},
	{"days-for-seconds", "a number is in the unit in which it is taken", 1},
	{"declared-shift", "a run that did not succeed leaves the traffic as it was", 1},
	{"deploy-without-lock", "what others share is changed under a lock", 1},
	{"destroyed-unasked", "what is destroyed for good was kept before, or people agreed to it", 1},
	{"dns-first", "names follow the primary", 1},
	{"drained-together", "most of a pool is not taken out of service together", 1},
	{"dropped-while-named", "what a name led to stays until resolvers have forgotten it", 1},
	{"edition-before", "the last copy of content is kept", 1},
	{"empty-list", "an answer without rows does not empty what is there", 1},
	{"ended-as-handed-back", "a secret is revoked after its last consumer has the new one", 1},
	{"ended-is-done", "a wait that ends badly is not one that ends well", 1},
	{"ended-the-new", "a secret that was exchanged is valid in one version", 1},
	{"ended-then-handed-back", "a secret is revoked after its last consumer has the new one", 1},
	{"endless-wait", "a run ends", 1},
	{"everywhere-at-once", "a version does not come into service everywhere at once", 1},
	{"expired-first", "the newest backup is kept", 1},
	{"failing-rollback", "every rollback completes", 1},
	{"feature-left-on", "what a run sets for its own time is taken back however it ends", 1},
	{"fenced-elsewhere", "there is one writable primary at most", 1},
	{"fenced-late", "there is one writable primary at most", 1},
	{"file-is-no-look", "a member takes part again before the next one is away", 1},
	{"files-without-lock", "what others share is changed under a lock", 1},
	{"flag-left", "what a run sets for its own time is taken back however it ends", 1},
	{"flag-to-nothing", "a rollback puts back what was read", 1},
	{"forgotten-rollback", "a run that did not succeed leaves no traffic on what is bad", 1},
	{"gate-at-the-old-name", "a gate looks at what a name leads to", 1},
	{"gate-before", "a gate looks at what gets the traffic", 1},
	{"gate-without-data", "no traffic is moved to what is known to be bad", 1},
	{"gate-without-traffic", "a gate looks at what gets the traffic", 1},
	{"given-back-ill", "no traffic is moved to what is known to be bad", 1},
	{"gone-under-traffic", "what is taken away for good takes no traffic and has no sessions", 1},
	{"half-moved", "what is announced is true", 1},
	{"handed-out-late", "a secret is revoked after its last consumer has the new one", 1},
	{"hollow-rollback", "a run that did not succeed leaves the traffic as it was", 1},
	{"hollow-wait", "a check that failed is not passed over", 1},
	{"ignored-no", "blue goes only with a yes", 1},
	{"in-use-cleaned", "what serves is not taken away", 1},
	{"index-first", "an index goes after the one in its place is there", 1},
	{"lag-unsaid", "no committed write is lost by a promotion", 1},
	{"last-backup", "the last backup is kept", 1},
	{"last-pin", "the last copy of content is kept", 1},
	{"last-word", "what is announced is true", 1},
	{"late-rollback", "a run that did not succeed leaves the traffic as it was", 1},
	{"live-validated", "what is restored beside is looked at", 1},
	{"load-on-live", "a gate looks at what was released", 1},
	{"locked-out", "a change to how hosts are reached comes back by itself", 1},
	{"long-ttl", "a name is moved while resolvers keep it for less than half an hour", 1},
	{"lost-update", "what somebody else changed is not overwritten unseen", 1},
	{"made-twice", "a request that is sent again says that it is the same", 1},
	{"member-without-data", "readers get no replica that is far behind", 1},
	{"migrated-ahead", "what the version in service uses stays until the next one serves", 1},
	{"moment-passed-over", "what is restored is of before the damage", 1},
	{"mute-and-stop", "what a run sets for its own time is taken back however it ends", 1},
	{"name-before-primary", "a name is moved after what it leads to is ready", 1},
	{"name-then-gone", "what a name led to stays until resolvers have forgotten it", 1},
	{"name-to-nowhere", "a name that clients follow leads somewhere all the time", 1},
	{"never-ready", "a server that was drained, and seen to, serves again", 1},
	{"newest-pruned", "the newest backup is kept", 1},
	{"next-too-soon", "a member takes part again before the next one is away", 1},
	{"next-turn", "the error of a change is not swallowed", 1},
	{"no-downgrade", "what cannot be downgraded is copied before it is upgraded", 1},
	{"no-drain-wait", "what is taken away for good takes no traffic and has no sessions", 1},
	{"no-is-no", "a no is obeyed", 1},
	{"no-lock", "what others share is changed under a lock", 1},
	{"no-room", "traffic is moved to what can take it", 1},
	{"nobody-came", "somebody comes who is called", 1},
	{"nobody-can-agree", "the run succeeds where nothing fails", 1},
	{"none-seen", "hosts that could not be looked at do not count as seen", 1},
	{"noted-twice", "nothing is done twice", 1},
	{"nothing-is-zero", "what was not measured is not nothing", 1},
	{"old-activation", "what was read before people were asked is read again", 1},
	{"old-gate", "what was read before people were asked is read again", 1},
	{"oldest-restored", "the newest backup that will do is restored", 1},
	{"one-by-one", "a server that was drained, and seen to, serves again", 1},
	{"one-forgotten", "what is done to a group by name is done to all of it", 1},
	{"one-unlisted", "what is done to a group by name is done to all of it", 1},
	{"other-gate", "a gate looks at what gets the traffic", 1},
	{"other-id", "what is deleted is what was looked at", 1},
	{"other-lock", "what others share is changed under a lock", 1},
	{"paid-by-two", "what others share is changed under a lock", 1},
	{"passed-over", "a run that succeeded leaves no traffic on what is unhealthy", 1},
	{"payment-twice", "a request that is sent again says that it is the same", 1},
	{"pinned-late", "content is kept before a name leads to it", 1},
	{"purged-early", "a cache forgets after the new version serves", 1},
	{"purged-then-kept", "what a run keeps a copy of is not changed without it", 1},
	{"queue-not-empty", "what is taken away is empty", 1},
	{"rebooted-at-once", "of a group of hosts, no two are without their service at once", 1},
	{"rebooted-in-a-row", "a member takes part again before the next one is away", 1},
	{"region-read-only", "traffic follows the primary", 1},
	{"registered-late", "what a run sets for its own time is taken back however it ends", 1},
	{"relative-amount", "a command that may run twice says what is to be, not what is to be added", 1},
	{"release-unwatched", "what is released is watched for long enough", 1},
	{"repairs-left-off", "what a run sets for its own time is taken back however it ends", 1},
	{"resolved-while-ill", "a status page says how it is", 1},
	{"restored-unseen", "what goes live is whole", 1},
	{"revoked-between", "a secret is revoked after its last consumer has the new one", 1},
	{"revoked-early", "a secret is revoked after its last consumer has the new one", 1},
	{"rollback-order", "what is taken away for good takes no traffic and has no sessions", 1},
	{"rollback-to-gone", "no traffic is moved to what is not there", 1},
	{"rollback-to-nowhere", "a run that did not succeed leaves the traffic as it was", 1},
	{"room-afterwards", "traffic is moved to what can take it", 1},
	{"rows-left", "what a run keeps a copy of is not changed without it", 1},
	{"rules-everywhere", "what services read does not change everywhere at once", 1},
	{"said-anyway", "what failed on a host is not passed over", 1},
	{"saved-afterwards", "a rollback sets what was, and not what the run set", 1},
	{"schema-back-first", "what the version in service uses stays until the next one serves", 1},
	{"schema-stays", "a rollback leaves nothing unhealthy in service", 1},
	{"seconds-for-millis", "a number is in the unit in which it is taken", 1},
	{"secret-needed-late", "a run ends", 1},
	{"served-before-released", "no traffic is moved to what is not there", 1},
	{"seven-of-eight", "what failed on a host is not passed over", 1},
	{"shards-left", "what a run sets for its own time is taken back however it ends", 1},
	{"short-gate", "what gets traffic is watched for long enough", 1},
	{"signed-before-published", "a signing key is published before it is used", 1},
	{"silence-left", "what a run sets for its own time is taken back however it ends", 1},
	{"silence-of-a-symptom", "a silence is of what the run works on", 1},
	{"silence-of-all", "a silence is of what the run works on", 1},
	{"silent-after-success", "a silence that a rollback ends is ended where nothing fails", 1},
	{"slip-in-failure", "what a fault leads to is written without slips", 1},
	{"slot-left", "a rollback leaves nothing that fills up", 1},
	{"started-too-soon", "a rollback starts again what it stopped when the rest is put back", 1},
	{"statement-twice", "a statement that may run twice says what is to be, not what is to be added", 1},
	{"swallowed-error", "no traffic goes to what was taken away", 1},
	{"swallowed-write", "the error of a change is not swallowed", 1},
	{"swept-away", "what is destroyed for good was kept before, or people agreed to it", 1},
	{"told-ahead", "what is announced is true", 1},
	{"told-as-ever", "what is announced is true", 1},
	{"told-before-last", "what is announced is true", 1},
	{"told-resolved", "what is announced is true", 1},
	{"told-too-soon", "what is announced is true", 1},
	{"topic-with-lag", "what is taken away is empty", 1},
	{"traffic-to-nothing", "no traffic is moved to what is not there", 1},
	{"two-primaries", "there is one writable primary at most", 1},
	{"undo-elsewhere", "every rollback completes", 1},
	{"unfinished-reindex", "a run that succeeded has seen that what was only accepted was done", 1},
	{"unheard", "a no is obeyed", 1},
	{"unpinned-unseen", "the last copy of content is kept", 1},
	{"unsafe-retry", "nothing is done twice", 1},
	{"unseen-errors", "a run that succeeded leaves nothing unhealthy in service", 1},
	{"unsigned-first", "a zone is signed as long as the one above says so", 1},
	{"untried-config", "files are tried before the only server restarts by them", 1},
	{"value-for-set", "a set keeps what it held beside what is added", 1},
	{"wait-runs-out", "a wait that runs out is not one that ends well", 1},
	{"whole-pool", "most of a pool is not taken out of service together", 1},
	{"wiped-primary", "what takes writes is not destroyed", 1},
	{"written-not-read", "a secret is revoked after its last consumer has the new one", 1},
	{"written-since", "what goes live holds all that was written", 1},
}

// sampled is all of a list, and with -short, as the race detector's runs are, every
// tenth: the detector finds in the tenth what it finds in the first.
func sampled[T any](list []T) []T {
	if testing.Short() {
		return everyOf(list, 10)
	}
	return list
}

// swept reports whether all is asked for, by RUNBOOK_SWEEP=all.
func swept() bool { return os.Getenv("RUNBOOK_SWEEP") == "all" }

// part is every n-th of a list, for comparisons that take most of the time and whose
// subject is the explorer, not each runbook; a sweep takes all of it.
func part[T any](list []T, n int) []T {
	switch {
	case swept():
		return list
	case testing.Short():
		return everyOf(list, 10*n) // as sampled
	}
	return everyOf(list, n)
}

// somePairs bounds an exploration with pairs of faults: single ones come first, and of
// the pairs behind them what is tried is spread over all.
const somePairs = 110

func everyOf[T any](list []T, n int) []T {
	var out []T
	for i := 0; i < len(list); i += n {
		out = append(out, list[i])
	}
	return out
}

func TestExploreFindsWhatIsPlanted(t *testing.T) {
	for _, seed := range sampled(seeded) {
		t.Run(seed.name, func(t *testing.T) {
			t.Parallel()
			found := exploreSeeded(t, seed.name+".bug.lua", seed.depth)
			if !broke(found, seed.invariant) {
				t.Errorf("explore did not find that %q is broken; outcomes: %v", seed.invariant, found.Outcomes)
			}
			// The correct version has nothing to report, with pairs of faults neither. One that sees
			// what the world has in store is right to fail.
			sees := slices.Contains([]string{"alert-read", "release-unwatched", "short-gate", "unseen-errors"}, seed.name)
			ok := seededExplorer(t, seed.name+".ok.lua", func(simulate.Schedule) {})
			ok.Alike = true // as the command explores pairs
			if ok.Depth, ok.Scripted = 2, sees; sees || testing.Short() {
				ok.Depth, ok.Alike = 1, false
			}
			if ok.Depth == 2 && !swept() {
				ok.Limit = somePairs
			}
			found, err := ok.Explore(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for _, trial := range found.Failures {
				t.Errorf("the correct version under %s: %v", trial.Schedule, trial.Broken)
			}
			if found.Schedules < 5 {
				t.Errorf("only %d schedules were tried", found.Schedules)
			}
		})
	}
}

// TestSeededFilesAreListed keeps the list and the files together.
func TestSeededFilesAreListed(t *testing.T) {
	files, err := filepath.Glob("testdata/seeded/*.bug.lua")
	if err != nil || len(files) != len(seeded) {
		t.Errorf("%d runbooks have a planted fault, %d are listed: %v", len(files), len(seeded), err)
	}
}

// TestSecondFaultsFollowEveryFirst: whatever the first fault is, the second one
// strikes what comes after it, the rollback that it led to included.
func TestSecondFaultsFollowEveryFirst(t *testing.T) {
	second := map[simulate.Kind]map[effect.Place]bool{}
	var mu sync.Mutex
	exploreWith(t, "failing-rollback.ok.lua", 2, func(s simulate.Schedule) {
		mu.Lock()
		defer mu.Unlock()
		if len(s) == 2 && second[s[0].Kind] == nil {
			second[s[0].Kind] = map[effect.Place]bool{}
		}
		if len(s) == 2 {
			second[s[0].Kind][s[1].Place] = true
		}
	})
	for _, kind := range []simulate.Kind{simulate.Refused, simulate.TimedOut, simulate.KilledBefore, "unhealthy"} {
		if len(second[kind]) == 0 {
			t.Errorf("no second fault was tried after %q", kind)
		}
	}
	if !second[simulate.Refused]["r1.1.1"] {
		t.Errorf("after a refusal only %v was struck, not the rollback", second[simulate.Refused])
	}
}

func exploreSeeded(t *testing.T, file string, depth int) *simulate.Explored {
	t.Helper()
	return exploreWith(t, file, depth, func(simulate.Schedule) {})
}

// told is a Runner that tells of each schedule.
type told struct {
	simulate.Runner
	tell func(simulate.Schedule)
}

func (r told) Rehearse(ctx context.Context, w *simulate.World, s simulate.Schedule) (simulate.Ending, error) {
	r.tell(s)
	return r.Runner.Rehearse(ctx, w, s)
}

func exploreWith(t *testing.T, file string, depth int, tell func(simulate.Schedule)) *simulate.Explored {
	t.Helper()
	explorer := seededExplorer(t, file, tell)
	explorer.Depth = depth
	found, err := explorer.Explore(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// seededExplorer returns one of a planted runbook, in its world.
func seededExplorer(t *testing.T, file string, tell func(simulate.Schedule)) *simulate.Explorer {
	t.Helper()
	read := func(name string) script.Source {
		text, err := os.ReadFile(filepath.Join("testdata", "seeded", name))
		if err != nil {
			t.Fatal(err)
		}
		return script.Source{Name: name, Text: text}
	}
	catalog, err := effect.NewCatalog(append(stdlib.Modules(), effect.Control())...)
	if err != nil {
		t.Fatal(err)
	}
	world := "world.lua"
	if own := strings.Split(file, ".")[0] + ".world.lua"; exists(filepath.Join("testdata", "seeded", own)) {
		world = own
	}
	scenario, err := rehearse.LoadScenario(t.Context(), read(world), nil, catalog)
	if err != nil {
		t.Fatal(err)
	}
	setup, err := scenario.Setup(catalog)
	if err != nil {
		t.Fatal(err)
	}
	setup.Lacks = effect.People(nil).Lacks // as in a folder without a configuration
	return &simulate.Explorer{Depth: 1, Workers: runtime.NumCPU(), Setup: setup,
		Runner: told{&rehearse.Runner{Main: read(file), Catalog: catalog, Params: scenario.Params, Cache: script.NewCache()}, tell}}
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func broke(found *simulate.Explored, invariant string) bool {
	for _, trial := range found.Failures {
		for _, v := range trial.Broken {
			if v.Invariant == invariant {
				return true
			}
		}
	}
	return false
}
