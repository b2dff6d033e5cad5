-- A feature that was tried stays on where the run stops: at Roblox one brought the service discovery down in October 2021 (its own postmortem).
runbook { name = "feature-left-on", locks = { "exec/consul" }, on_failure = "stop" }
local exec, health = require "exec", require "health"
exec.run { argv = { "consulctl", "streaming", "enable" }, class = "write", recovery = "retry" }
health.watch { env = "consul", during = "30m", every = "1m", slo = { p99_latency = "< 300ms" } }
exec.run { argv = { "consulctl", "streaming", "disable" }, class = "write", recovery = "retry" }
