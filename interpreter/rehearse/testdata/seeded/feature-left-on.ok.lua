runbook { name = "feature-left-on", locks = { "exec/consul" }, on_failure = "rollback" }
local exec, health = require "exec", require "health"
local function off() exec.run { argv = { "consulctl", "streaming", "disable" }, class = "write", recovery = "retry" } end
on_rollback("streaming off", off)
exec.run { argv = { "consulctl", "streaming", "enable" }, class = "write", recovery = "retry" }
health.watch { env = "consul", during = "30m", every = "1m", slo = { p99_latency = "< 300ms" } }
off()
