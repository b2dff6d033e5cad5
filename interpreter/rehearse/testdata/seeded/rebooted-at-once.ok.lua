runbook { name = "rebooted-at-once", locks = { "hosts/us-east" } }
local hosts, health = require "hosts", require "health"
for _, h in ipairs { "c1", "c2", "c3" } do
  approve { title = "Reboot " .. h .. "?", timeout = "1h" }
  hosts.run { on = { h }, argv = { "reboot" }, class = "write", recovery = "retry" }
  health.wait { env = h, timeout = "10m" }
end
