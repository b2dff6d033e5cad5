-- The lock is that of another zone.
runbook { name = "move-mail", locks = { "dns/example.com" }, on_failure = "rollback" }
local dns, health = require "dns", require "health"
on_rollback("old address", function()
  if dns.records { name = "mail.example.org" }.values[1] == "192.0.2.6" then
    dns.replace { name = "mail.example.org", from = { "192.0.2.6" }, to = { "192.0.2.5" } }
  end
end)
health.check { env = "new-mail" }
dns.failover { name = "mail.example.org", from = { "192.0.2.5" }, to = { "192.0.2.6" } }
health.watch { env = "new-mail", during = "1m", every = "1m", slo = { error_rate = "< 1%" } }
