-- A server is patched, and nobody lets it serve again.
runbook { name = "never-ready", locks = { "traffic/web" }, on_failure = "rollback" }
local exec, health, traffic = require "exec", require "health", require "traffic"
on_rollback(function() traffic.ready { server = "web1" } end)
traffic.drain { server = "web1" }
sleep "1m"
exec.run { argv = { "ssh", "web1", "apt-get", "upgrade" }, class = "write", recovery = "retry" }
health.wait { env = "web1" }

