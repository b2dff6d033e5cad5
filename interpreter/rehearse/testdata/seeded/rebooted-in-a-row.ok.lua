-- A reboot returns before the host is away: the next one goes down with it.
runbook { name = "new-kernel", locks = { "hosts/edge" }, on_failure = "stop" }
local hosts, health = require "hosts", require "health"
for _, name in ipairs { "e1", "e2" } do
  hosts.run { on = { name }, argv = { "systemctl", "reboot" }, class = "write", recovery = "retry" }
  health.check { env = name }
end
