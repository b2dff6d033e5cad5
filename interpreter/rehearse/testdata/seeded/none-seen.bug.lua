-- Hosts that cannot be reached are passed over by a look at all of them, and count as if they were on the new version.
runbook { name = "cutover", locks = { "dns/app" }, on_failure = "stop" }
local hosts, dns = require "hosts", require "dns"
local seen = hosts.run { on = { "web" }, argv = { "cat", "/opt/app/version" }, class = "read", partial = true }
for name, of in pairs(seen.hosts) do
  if of.stdout and of.stdout ~= "v2\n" then fail(name .. " is not on v2") end
end
dns.set { name = "app.example.org", type = "A", values = { "192.0.2.9" }, ttl = "1m" }
