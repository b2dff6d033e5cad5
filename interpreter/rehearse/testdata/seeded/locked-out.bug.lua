runbook { name = "edge-firewall", summary = "New rules on the edge", locks = { "hosts/edge" }, on_failure = "rollback" }
local hosts, health = require "hosts", require "health"

for _, name in ipairs { "edge-1" } do
  step("rules on " .. name, function()
    hosts.copy { on = { name }, from = "rules.v4", to = "/etc/iptables/rules.v4" }
    on_rollback("old rules on " .. name, function()
      hosts.run { on = { name }, argv = { "iptables-restore", "/etc/iptables/rules.v4.old" }, class = "write", recovery = "retry" }
    end)
    hosts.run { on = { name }, argv = { "iptables-restore", "/etc/iptables/rules.v4" }, class = "write", recovery = "retry" }
    health.check { env = name }
  end)
end
