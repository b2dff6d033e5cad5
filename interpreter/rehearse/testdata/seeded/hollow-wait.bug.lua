-- A service that did not come up is announced as if it had.
runbook { name = "hollow-wait", on_failure = "stop" }
local exec, health, notify = require "exec", require "health", require "notify"
exec.run { argv = { "systemctl", "restart", "api" }, class = "write", recovery = "retry" }
pcall(health.wait, { env = "api", timeout = "1m" })
notify.send { to = "ops", text = "api runs again" }
