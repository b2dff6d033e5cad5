-- A file does not come to one of the hosts, and the service is restarted on all.
runbook { name = "firewall-rules", locks = { "hosts/edge" }, on_failure = "stop" }
local hosts = require "hosts"
local r = hosts.copy { on = { "edge" }, from = "rules.v4", to = "/etc/iptables/rules.v4", partial = true }
for name, h in pairs(r.hosts) do if h.error then fail("no new rules on " .. name .. ": " .. h.error) end end
hosts.service { on = { "edge" }, name = "netfilter-persistent", action = "restart" }
