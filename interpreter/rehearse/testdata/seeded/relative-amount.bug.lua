-- A command that adds is called one that may run twice.
runbook { name = "relative-amount" }
local exec = require "exec"
exec.run { argv = { "./workers.sh", "--increase=3" }, class = "write", recovery = "retry" }
