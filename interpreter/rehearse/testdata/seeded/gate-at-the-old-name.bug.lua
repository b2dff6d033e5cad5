-- Mail is moved, and the gates look at where it came from.
runbook { name = "mail-move", locks = { "dns/example.org" }, on_failure = "rollback" }
local dns, health = require "dns", require "health"

health.check { env = "mx-old" }
on_rollback("mail to the old one", function()
  dns.set { name = "example.org", type = "MX", values = { "10 mx-old.example.org." } }
end)
step("mail to the new one", function()
  dns.replace { name = "example.org", type = "MX", from = { "10 mx-old.example.org." }, to = { "10 mx-new.example.org." } }
  dns.wait { name = "example.org", type = "MX", values = { "10 mx-new.example.org." } }
end)
health.watch { env = "mx-old", during = "30m", every = "5m", slo = { error_rate = "< 1%" } }
