-- charge.sh charges each time that it runs: it may not be repeated unasked.
runbook { name = "unsafe-retry" }
local exec = require "exec"
exec.run { argv = { "./charge.sh" }, class = "write", recovery = "retry" }
