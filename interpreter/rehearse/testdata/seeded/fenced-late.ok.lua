-- The old primary is stopped, by a command that says so, once another takes writes. On 21 October 2018 both sides of GitHub
-- had writes that the other did not (GitHub: October 21 post-incident analysis).
runbook { name = "fenced-late", locks = { "db/main" }, on_failure = "stop" }
local db, exec = require "db", require "exec"
local function fence() exec.run { argv = { "./fence.sh", "a" }, class = "write", recovery = "retry", effects = { "db.nodes.a.up = false" } } end
fence()
db.promote { node = "b" }
