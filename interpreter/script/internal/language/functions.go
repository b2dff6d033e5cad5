package language

import "github.com/q-ecosystem/runbook/interpreter/effect"

// Function documents a name of the language: a global, or a member of one.
type Function struct {
	Name string // "step", "log.info"
	// Usage shows how it is written, one form an entry.
	Usage []string
	// Doc is one or more sentences.
	Doc string
	// Args are the named arguments of the form that takes a table.
	Args []effect.Field
	// Returns says what comes back; empty if nothing does.
	Returns string
	// Example is a whole piece of Lua; may be empty.
	Example string
}

// Functions documents run control: what a runbook finds by name beside Lua's
// own libraries and the modules that it requires. The order is that of a
// reader, not of the alphabet.
func Functions() []Function {
	control := map[string]effect.Op{}
	for _, op := range effect.Control().Ops {
		control[op.Name] = op
	}
	field := func(name string, t effect.Type, doc string) effect.Field {
		return effect.Field{Name: name, Type: t, Doc: doc}
	}
	return []Function{
		{Name: "runbook", Usage: []string{"runbook { name = \"…\", … }"},
			Doc:  "Begin a runbook: its name, parameters, locks and what happens when it fails. It comes first, once, in the main file.",
			Args: documentedHeader(),
			Example: `runbook {
  name       = "blue-green",
  params     = {
    version = { type = "string", required = true, pattern = "^v%d+$" },
  },
  locks      = { "traffic/web" },
  on_failure = "rollback",
}`},
		{Name: "params", Usage: []string{"params.NAME"},
			Doc: "The run's parameters, checked before the run exists; read-only. Durations are seconds, percentages percent, sizes bytes."},
		{Name: "run.id", Usage: []string{"run.id"},
			Doc: "The run's id: the same after every resume, and in a fork that of the run it was forked from, which its past has seen. In a rehearsal it is 00000000-0000-7000-8000-000000000000."},
		{Name: "run.name", Usage: []string{"run.name"}, Doc: "The runbook's name, as its header has it."},
		{Name: "step", Usage: []string{"step(\"name\", function() … end)"},
			Doc:     "Carry a named phase out. Steps may be nested; they are for people, and no unit of durability.",
			Returns: "what the function returns"},
		{Name: "checkpoint", Usage: []string{"checkpoint \"name\""},
			Doc: "Mark a place that `runbook fork --from NAME` can start from."},
		{Name: "sleep", Usage: []string{"sleep \"15m\"", "sleep { duration = \"15m\", reason = \"…\" }", "sleep { until_ = \"03:00\", zone = \"Europe/Berlin\" }"},
			Doc: "Wait. The end is fixed when the wait begins: a resume waits for what is left. A time that clocks leave out is the moment at which they jump, one that they show twice the first.", Args: control["sleep"].Args},
		{Name: "approve", Usage: []string{"approve \"go on?\"", "approve { title = \"…\", by = { … }, count = 2 }"},
			Doc:     "Ask people, and go on once enough of them agree. A refusal raises an error with the code `denied`, the end of the time one with `expired`.",
			Args:    control["approve"].Args,
			Example: "approve { title = \"Open it to everybody?\", by = { \"ana\", \"bob\" },\n  count = 2, timeout = \"4h\" }"},
		{Name: "checklist", Usage: []string{"checklist { title = \"…\", items = { \"…\", { text = \"…\" } } }"},
			Doc:     "Ask people to go through a list, item by item (`runbook check-off`), and go on once each is answered. An item that has failed raises an error with the code `denied`, the end of the time one with `expired`.",
			Args:    control["checklist"].Args,
			Returns: "a table with `items`: of each its `text`, `outcome` (done, not_applicable), `by`, `note` and `evidence` (file, size, sha256)",
			Example: "checklist { title = \"Before the switch\", items = {\n  \"the backup is there\",\n  { text = \"the load test passed\", evidence = true },\n} }"},
		{Name: "on_rollback", Usage: []string{"on_rollback(function() … end)", "on_rollback(\"name\", function() … end)"},
			Doc: "Register what takes back a change. The registered functions run newest first when the run fails (see on_failure), or when `runbook rollback` asks for it. " +
				"Registered before its effect, a function runs even if the effect was not applied; registered after it, there must be no other effect in between. " +
				"`undo = function() … end` among the arguments of any call that writes registers it with the call, and only if that changed something, or may have: the safest of the three.",
			Example: "traffic.split { green = 10, blue = 90,\n  undo = function() traffic.switch { to = \"blue\" } end }"},
		{Name: "parallel", Usage: []string{"parallel { eu = function() … end, us = function() … end }", "parallel { limit = 2, function() … end, function() … end, … }"},
			Doc: "Run branches side by side. They share the script's variables and switch only at effects. When one fails the others stop at their next effect: " +
				"what is under way is finished, sleeps and questions end, what has not begun does not begin. Then the failure is raised. " +
				"Options stand beside the branches; a function under the name of one is a branch.",
			Args: []effect.Field{
				{Name: "limit", Type: effect.Int, Min: effect.Bound(1), Doc: "how many branches are at work at once; the others begin in their order, one as each ends"},
				{Name: "fail_fast", Type: effect.Bool, Default: true, Doc: "false lets all branches run to their end; then the first failure in their order is raised"}},
			Returns: "a table of the branches' first results, under the same keys"},
		{Name: "retry", Usage: []string{"retry { attempts = 5, wait = \"2s\", function() … end }"},
			Doc:  "Call a function until it does not fail, with pauses that grow. An error that is not retryable is raised at once.",
			Args: RetryFields(), Returns: "what the function returns"},
		{Name: "wait", Usage: []string{"wait { until_ = function() … end, timeout = \"2m\", every = \"5s\" }"},
			Doc: "Call a function until it returns a true value, with a pause between. The end is fixed when the wait begins: a resume waits for what is left. " +
				"When the time is up, it raises an error with the code `timeout`, which says what was waited for and what the function returned last. What the function raises is raised at once.",
			Args: WaitFields(), Returns: "what the function returned",
			Example: "wait { title = \"all replicas are ready\", timeout = \"10m\", until_ = function()\n" +
				"  local said = exec.run { argv = { \"ready-replicas\" }, class = \"read\" }\n" +
				"  local ready = tonumber(said.stdout)\n" +
				"  return ready == 3, ready .. \" of 3\"\nend }"},
		{Name: "window", Usage: []string{"window { open = { \"Sun 02:00-04:00 UTC\" }, needs = \"90m\" }",
			"window { open = { … }, outside = \"ask\", by = { \"security-lead\" } }"},
			Doc: "Go on where changes may be made now: within a window, for as long as `needs` says, and in no freeze. Outside, `refuse` raises an error with the code `refused` " +
				"that says when it opens next, `wait` sleeps until then, and `ask` asks people for an emergency change, as approve does (`denied`, `expired`). " +
				"Each step that begins once the window has closed does as `closed` says, until another window is asked for; a rollback goes on in any case. " +
				"The times of day are those that the clocks of the zone show.",
			Args:    WindowFields(),
			Returns: "a table with `opened` (when it went on), `closes` (when the window does; nil if never), and `emergency`, whether people agreed to go on outside",
			Example: "window {\n  open = { \"Sun 02:00-04:00 UTC\", \"first Sun 01:00-05:00 UTC\" },\n  needs = \"90m\",\n" +
				"  freezes = { { from = \"2026-12-20\", to = \"2027-01-03\", reason = \"a sale\" } },\n" +
				"  outside = \"ask\", by = { \"security-lead\" },\n}"},
		{Name: "fail", Usage: []string{"fail(\"message\")", "fail { message = \"…\", code = \"…\", hint = \"…\" }"},
			Doc: "End the run as failed, unless the error is caught by pcall.",
			Args: []effect.Field{{Name: "message", Type: effect.String, Required: true, Doc: "what is wrong"},
				field("code", effect.String, "a word that a caller may branch on; \"raised\" if left out"),
				field("hint", effect.String, "what to do about it")}},
		{Name: "invariant, invariant.step, invariant.finally", Usage: []string{"invariant(\"name\", function(world) return … end)",
			"invariant.step(\"name\", function(before, after, effect) return … end)", "invariant.finally(\"name\", function(world, ending) return … end)"},
			Doc: "Declare what has to hold of the simulated world, whatever fails: after each effect that changes it, of each such effect, or when the run has ended. " +
				"Simulations, explorations and tests evaluate it, once for each time that an effect is carried out and never for one that is replayed; a real run only checks how it is written. " +
				"It is broken if the function returns false (or false and why), or fails.",
			Example: "invariant(\"traffic is never without a server\", function(world)\n  return world.traffic.weights.blue + world.traffic.weights.green == 100\nend)"},
		{Name: "now", Usage: []string{"now()"}, Doc: "Read the clock; recorded, so that a replay sees the same.", Returns: "seconds since 1970, UTC"},
		{Name: "random", Usage: []string{"random()", "random(n)", "random(m, n)"}, Doc: "Draw a random number; recorded.",
			Returns: "a number of [0, 1), or a whole number from 1 to n, or from m to n"},
		{Name: "uuid", Usage: []string{"uuid()"}, Doc: "Make a random UUID; recorded.", Returns: "its text"},
		{Name: "env", Usage: []string{"env(\"NAME\")"}, Doc: "Read an environment variable of the runner; recorded. A secret belongs into a parameter of type secret instead.",
			Returns: "its text, or nil"},
		{Name: "log.debug, log.info, log.warn, log.error", Usage: []string{"log.info(\"text\")", "log.warn { text = \"…\", key = value }"},
			Doc: "Write a line to the run's log, with fields."},
		{Name: "print", Usage: []string{"print(…)"}, Doc: "Write the values to the run's log, as log.info does."},
		{Name: "json.decode", Usage: []string{"json.decode(text)"},
			Doc: "Read one JSON value. Lists and objects become tables; a null in an object leaves its key out, and is json.null elsewhere. " +
				"Whole numbers beyond 2^53, which a number could not hold, come as text. What is wrong with the text is raised as an error with its line and column. " +
				"No effect: the same text gives the same value. exec.run { json = true } decodes what a program prints.",
			Returns: "the value",
			Example: "local said = exec.run { shell = \"patronictl list -f json\", class = \"read\" }\n" +
				"local members = json.decode(said.stdout)"},
		{Name: "json.encode", Usage: []string{"json.encode(value)", "json.encode(value, { indent = 2 })"},
			Doc: "Write a value as JSON, keys in order, whole numbers up to 2^53 in full: the same value gives the same text. " +
				"A table with the keys 1, 2, 3 is a list, one with texts as keys an object; an empty one is an object unless json.list made it.",
			Args: JSONFields(), Returns: "the text"},
		{Name: "json.list", Usage: []string{"json.list()", "json.list { … }"},
			Doc: "Make a table that is a list also while it is empty.", Returns: "the table"},
		{Name: "json.null", Usage: []string{"json.null"}, Doc: "The null of JSON: in a list that is decoded, and to be encoded. It counts as true in a condition; compare with it."},
		{Name: "time.date", Usage: []string{"time.date(now())", "time.date(now(), \"Europe/Berlin\")"},
			Doc:  "Take a time apart. It is not an effect: the time is given, and the time zones come with the program, the same on every machine.",
			Args: DateFields(), Returns: "a table of year, month, day, hour, min, sec, wday (1 is Sunday), weekday, yday, isdst, zone (\"CET\"), offset (seconds)"},
		{Name: "time.at", Usage: []string{"time.at { year = 2026, month = 3, day = 29, hour = 3, zone = \"Europe/Berlin\" }"},
			Doc:  "Return the time at which clocks in a zone show this. What is beyond its range carries over (day 32). A time that clocks leave out is the moment at which they jump, one that they show twice the first.",
			Args: AtFields(), Returns: "seconds since 1970"},
		{Name: "time.parse", Usage: []string{"time.parse(\"2026-03-29 03:00\", \"Europe/Berlin\")", "time.parse(text, { format = \"%d.%m.%Y %H:%M\", zone = \"…\" })"},
			Doc: "Read a time. Directives of a format: %Y %m %d %H %M %S %F %T %R %y %b %B %a %A %p %I %e %z %s %%.", Args: ParseFields(),
			Returns: "seconds since 1970"},
		{Name: "time.format", Usage: []string{"time.format(now(), \"%Y-%m-%d\", \"Europe/Berlin\")", "time.format(now(), { format = \"…\", zone = \"…\" })"},
			Doc:  "Write a time. Directives: %Y %m %d %H %M %S %F %T %R %y %b %B %a %A %j %p %I %e %Z %z %:z %s %u %w %V %G %%.",
			Args: FormatFields(), Returns: "the text", Example: "local name = \"backup-\" .. time.format(now(), \"%Y%m%d-%H%M\")"},
		{Name: "require", Usage: []string{"require \"traffic\"", "require \"lib.slo\""},
			Doc:     "Find a standard module, a module of a configured plugin, or a file beside the script (lib/slo.lua). Files are stored with the run.",
			Returns: "the module, or what the file returns"},
	}
}

// documentedHeader is the header with what its parameters consist of.
func documentedHeader() []effect.Field {
	fields := HeaderFields()
	for i := range fields {
		if fields[i].Name == "params" {
			fields[i].Type, fields[i].Elem = effect.Map, &effect.Field{Type: effect.Object, Fields: AttributeFields()}
		}
	}
	return fields
}
