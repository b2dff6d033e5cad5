-- A duration is in seconds, and the setting takes milliseconds.
runbook { name = "keep-longer", locks = { "queue/orders" }, on_failure = "stop" }
local exec = require "exec"
local keep = 48 * 3600
exec.run { argv = { "queuectl", "set", "orders", ("max-age-ms=%d"):format(keep) }, class = "write", recovery = "retry" }
