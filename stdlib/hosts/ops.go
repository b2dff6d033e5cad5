package hosts

import (
	"path"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/stdlib/internal/field"
)

// Module returns what there is under the name hosts.
func Module() effect.Module {
	return effect.Module{Name: "hosts", Doc: "Run commands on hosts, copy and read their files, look after their services.",
		Model: func() effect.Model { return NewModel() }, Scenario: scenario(), Faults: faults(), Invariants: invariants(),
		Ops: []effect.Op{list(), run(), copyTo(), read(), service()}}
}

func list() effect.Op {
	on := on()
	on.Required, on.Min = false, nil
	on.Doc += "; all if left out"
	return effect.Op{Module: "hosts", Name: "list", Class: effect.Read, Doc: "List the hosts of the inventory; none is asked",
		Args: []effect.Field{on},
		Returns: []effect.Field{field.Objects("hosts", "by name", field.Text("name", "its name"), field.Text("address", "where it is reached"),
			field.Texts("groups", "the groups it is in, by name"),
			effect.Field{Name: "labels", Type: effect.Map, Elem: &effect.Field{Type: effect.String}, Doc: "its labels"}),
			field.Of("count", effect.Int, "how many")}}
}

func run() effect.Op {
	text := &effect.Field{Type: effect.String}
	return effect.Op{Module: "hosts", Name: "run", Recovery: effect.Observe, ClassArg: "class", RecoveryArg: "recovery",
		Doc: "Run a command on hosts and wait for it; a bad exit code is an error, after which it is begun on no further host",
		Args: []effect.Field{on(),
			{Name: "argv", Type: effect.List, Elem: text, Min: effect.Bound(1), Doc: "the program and its arguments; no shell reads them"},
			field.Text("shell", "a line for /bin/sh -c, instead of argv"),
			field.Text("title", "what is shown in the place of the command"),
			{Name: "env", Type: effect.Map, Elem: text, Doc: "variables of its environment; always there are RUNBOOK_RUN, RUNBOOK_KEY, the same at each attempt at this effect, and RUNBOOK_ATTEMPT, from 1"},
			{Name: "secrets", Type: effect.Map, Elem: &effect.Field{Type: effect.String, Secret: true}, Doc: "environment variables whose values are secret"},
			field.Text("dir", "where it runs; the user's home if left out"),
			field.Text("stdin", "its standard input; empty if left out"),
			{Name: "timeout", Type: effect.Duration, Default: "10m", Doc: "when the last host has to be done; what still runs then is killed, with its process group"},
			{Name: "ok", Type: effect.List, Elem: &effect.Field{Type: effect.Int}, Default: []any{0.0}, Doc: "the exit codes that count as success"},
			field.Of("json", effect.Bool, "decode its standard output into json; an error if that is no JSON"),
			field.Choice("output", "what is shown of its output: every line, nothing, or the last lines when it has ended", false, "all", "none", "tail"),
			limit("10"), partial(),
			field.Choice("class", "what it may do to the world; irreversible if left out", false, "read", "write", "irreversible"),
			field.Choice("recovery", `what a resume does when nobody knows how it ended: "observe" asks each host, which keeps a record, and is meant if left out; `+
				`"retry" runs it once more where it was broken off, and "ask" leaves it to the operator`, false, "observe", "retry", "ask")},
		Returns: []effect.Field{results("what came of it", field.Of("code", effect.Int, "the exit code"),
			field.Text("stdout", "the last of its standard output: 64 KiB, less where there are more than 64 hosts"),
			field.Text("stderr", "the last of its standard error"),
			field.Of("json", effect.Any, "its standard output, decoded; with json = true"),
			field.Of("truncated", effect.Bool, "whether there was more of either"),
			field.Of("seconds", effect.Duration, "how long it ran")),
			count(), field.Of("redacted", effect.Bool, "true if a secret was taken out of it; absent otherwise")},
		Validate: func(args map[string]any) error {
			_, argv := args["argv"]
			_, shell := args["shell"]
			if argv == shell {
				return &effect.FieldError{Problem: "wants exactly one of argv and shell", Hint: `write hosts.run { on = { "web" }, argv = { "./deploy.sh", "--env=green" } }`}
			}
			return nil
		}}
}

func copyTo() effect.Op {
	return effect.Op{Module: "hosts", Name: "copy", Class: effect.Write, Recovery: effect.Observe,
		Doc: "Put a file on hosts: under another name first, verified by its hash, then into its place at once",
		Args: []effect.Field{on(), field.Text("from", "a file of the runner"), field.Text("text", "what the file is to hold, instead of from"),
			absolute("to", "its path there; the directory has to exist"),
			{Name: "mode", Type: effect.String, Pattern: `[0-7]{3,4}`, Doc: `its mode, in octal: "0644"; that of the file in its place if left out, else 0644`},
			{Name: "owner", Type: effect.String, Pattern: `[A-Za-z0-9_][A-Za-z0-9_.-]*(:[A-Za-z0-9_][A-Za-z0-9_.-]*)?`,
				Doc: `its owner, "user" or "user:group"; whoever copies if left out`},
			{Name: "expect", Type: effect.String, Pattern: `[0-9a-fA-F]{64}`, Doc: "the SHA-256 that the file has to have; another one is an error, and nothing is copied"},
			limit("10"), partial(), field.Timeout("10m")},
		Returns: []effect.Field{results("what came of it", field.Of("changed", effect.Bool, "whether it was not there in this form; absent where that is not known any more")),
			count(), field.Text("sha256", "of the file"), field.Of("size", effect.Size, "of the file")},
		Validate: func(args map[string]any) error {
			_, from := args["from"]
			_, text := args["text"]
			if from == text {
				return &effect.FieldError{Problem: "wants exactly one of from and text", Hint: `write hosts.copy { on = { "web" }, from = "app.conf", to = "/etc/app.conf" }`}
			}
			return cleanPath("to", args)
		}}
}

func read() effect.Op {
	return effect.Op{Module: "hosts", Name: "read", Class: effect.Read, Doc: "Read a file of hosts",
		Args: []effect.Field{on(), absolute("path", "the file"),
			{Name: "max", Type: effect.Size, Default: "64KiB", Min: effect.Bound(1), Max: effect.Bound(1 << 20), Doc: "how much of it to return from each host"},
			limit("10"), partial(), field.Timeout("1m")},
		Returns: []effect.Field{results("what is in it", field.Text("text", "its beginning"), field.Of("size", effect.Size, "all of it"),
			field.Text("sha256", "the hash of all of it"), field.Text("mode", `in octal: "0644"`), field.Text("owner", `"user:group"`),
			field.Of("truncated", effect.Bool, "whether there is more than text")), count()},
		Validate: func(args map[string]any) error { return cleanPath("path", args) }}
}

func service() effect.Op {
	return effect.Op{Module: "hosts", Name: "service", Class: effect.Write, Recovery: effect.Observe, KindArg: "action",
		ClassOf: map[string]effect.Class{"status": effect.Read},
		Doc:     "Look after a systemd service on hosts, and see that it came to be as asked; one host after another unless limit says otherwise",
		Args: []effect.Field{on(), {Name: "name", Type: effect.String, Required: true, Pattern: `[A-Za-z0-9_][A-Za-z0-9:_.@\\-]*`, Doc: `its unit: "nginx" or "nginx.service"`},
			{Name: "action", Type: effect.Enum, Enum: []string{"status", "start", "stop", "restart", "reload"}, Required: true, Doc: "what to do; status only looks, and reload wants a service that is active"},
			limit("1"), partial(), field.Timeout("2m")},
		Returns: []effect.Field{results("how it is now", field.Text("state", `"active", "inactive", "failed", … as systemctl is-active has it`),
			field.Text("sub", `"running", "exited", "dead", …`), field.Of("since", effect.Number, "since when it is active, in seconds since 1970; absent if it is not"),
			field.Of("pid", effect.Int, "its main process; absent if there is none"), field.Of("restarts", effect.Int, "how often systemd itself has restarted it"),
			field.Of("changed", effect.Bool, "whether this call changed it; absent where it only looked, or where that is not known any more")), count()}}
}

// on says which hosts are meant.
func on() effect.Field {
	return field.NeedTexts("on", `hosts, by name, group or label ("role=db"); "web&role=db" are those that fit both, "!web-3" leaves out, "all" are all`)
}

func limit(preset string) effect.Field {
	n := 1.0
	if preset == "10" {
		n = 10
	}
	return effect.Field{Name: "limit", Type: effect.Int, Default: n, Min: effect.Bound(1), Max: effect.Bound(100), Doc: "on how many hosts at once"}
}

func partial() effect.Field {
	return field.Of("partial", effect.Bool, "go on with the other hosts when one fails, and tell it under its name instead of failing; an outcome that nobody knows fails all the same")
}

func count() effect.Field { return field.Of("count", effect.Int, "how many hosts") }

// results declares what is told of each host.
func results(doc string, members ...effect.Field) effect.Field {
	members = append(members, field.Text("error", "with partial = true: why it failed there"), field.Text("failure", `its code: "failed", "unavailable", …`))
	return effect.Field{Name: "hosts", Type: effect.Map, Doc: doc + ", by the host's name", Elem: &effect.Field{Type: effect.Object, Fields: members}}
}

// absolute is a path on a host: where a relative one begins would depend on who
// is logged in.
func absolute(name, doc string) effect.Field {
	return effect.Field{Name: name, Type: effect.String, Required: true, Pattern: `/[^\x00\n]+`, Doc: doc + ": an absolute path"}
}

func cleanPath(name string, args map[string]any) error {
	p, _ := args[name].(string)
	if path.Clean(p) != p {
		return &effect.FieldError{Path: name, Problem: "wants the plain path of a file", Hint: "write " + path.Clean(p)}
	}
	return nil
}
