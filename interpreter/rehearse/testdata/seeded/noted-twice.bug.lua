-- A command that may run twice takes one worker more each time; one that notes when it ran last does no harm.
runbook { name = "noted-twice", on_failure = "stop" }
local exec = require "exec"
exec.run { argv = { "./freeze.sh", "reports" }, class = "write", recovery = "retry" }
exec.run { argv = { "./workers.sh", "more" }, class = "write", recovery = "retry" }
