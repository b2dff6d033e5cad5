-- A server is rebooted while it still has sessions.
runbook { name = "no-drain-wait", locks = { "traffic/web" }, on_failure = "stop" }
local exec, traffic, health = require "exec", require "traffic", require "health"
traffic.drain { server = "east" }
exec.run { argv = { "ssh", "root@east.example.net", "reboot" }, class = "irreversible" }
health.wait { env = "east" }
traffic.ready { server = "east" }
