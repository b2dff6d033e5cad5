-- A command that adds is called one that may run twice.
runbook { name = "relative-amount" }
local exec = require "exec"
exec.run { argv = { "./workers.sh", "--count=9" }, class = "write", recovery = "retry" }
