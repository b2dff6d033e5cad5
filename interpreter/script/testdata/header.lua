runbook {
  name = "full", summary = "All of it",
  params = {
    version = { type = "string", required = false, pattern = "^v%d+%.%d+%.%d+$", default = "v1.2.3", doc = "what" },
    bake = { type = "duration", default = "15m", min = "1m", max = "1d" },
    share = { type = "percent", default = "0.1%" },
    size = { type = "size", default = "1MiB" },
    env = { type = "enum", values = { "blue", "green" }, default = "green" },
    hosts = { type = "list", of = "string", default = { "a", "b" } },
    deep = { type = "bool" },
    n = { type = "int", default = 3, min = 1 },
  },
  locks = { "traffic/web" }, on_failure = "ask",
}
assert(params.version == "v1.2.3" and params.bake == 900 and params.share == 0.1 and params.size == 1048576)
assert(params.env == "green" and #params.hosts == 2 and params.deep == nil and params.n == 3)
local names = {}
for k in pairs(params) do names[#names + 1] = k end
assert(table.concat(names, " ") == "version bake share size env hosts n")
----
runbook { name = "x", params = { version = { type = "string" } } }
local v = params.versoin --- error: params.versoin is not declared in runbook{}; did you mean "version"\?
----
runbook {
  name = "x",
  sumary = "y", --- error: runbook: sumary: is not known here; did you mean "summary"\?
}
----
runbook { summary = "x" } --- error: runbook: name: is required
----
runbook { name = "x", "y" } --- error: value without a name
----
runbook { name = "x", on_failure = "panic" } --- error: must be one of "rollback", "ask", "stop"
----
runbook { name = "x", locks = "web" } --- error: locks: wants a list
----
runbook {
  name = "x",
  params = {
    a = { type = "string" },
    b = { type = "strin" }, --- error: param b: type: "strin" is not a type; did you mean "string"\?
  },
}
----
runbook {
  name = "x",
  params = {
    a = { type = "string", requird = true }, --- error: param a: requird: is not known here; did you mean "required"\?
  },
}
----
runbook {
  name = "x",
  params = {
    a = {
      type = "int", default = 1 },
    b = "string", --- error: param b: wants a table
  },
}
----
runbook { name = "x", params = { a = { type = "int", default = "many" } } } --- error: param a: default: wants a whole number
----
runbook { name = "x", params = { a = { type = "string", pattern = "%b()" } } } --- error: param a: pattern: %b \(balanced text\) cannot be used
----
runbook { name = "x", params = { a = { type = "int", pattern = "x" } } } --- error: is for strings
----
runbook { name = "x", params = { a = { type = "secret", default = "x" } } } --- error: param a: default: a secret has none
----
runbook { name = "x", params = { a = { required = true, default = "x" } } } --- error: param a: default: a required parameter has none
----
runbook { name = "x", params = { a = { type = "enum" } } } --- error: an enum needs values
----
runbook { name = "x", params = { ["a b"] = { type = "int" } } } --- error: param a b: a name consists of
----
runbook { name = "x", params = { a = { type = "int", min = 5, max = 1 } } } --- error: param a: min: is greater than max
----
runbook { name = "x" }
runbook { name = "y" } --- error: runbook{} may be called once
----
print "early" runbook { name = "x" } --- error: runbook{} must come first
----
local M = require "lib.slo"
runbook { name = "x" }
assert(M.p99)
----
runbook { name = "x" }
parallel { a = function() runbook { name = "y" } end } --- error: runbook{} may be called once
----
-- no header
runbook "x" --- error: runbook takes one table, got
----
runbook { name = "x" }
assert(run.name == "x" and type(run.id) == "string")
----
-- no header
local id = run.id --- error: run has no values before runbook{} was called
----
run.id = "y" --- error: run.id cannot be set
----
print(run.ids) --- error: run.ids does not exist
