-- Hosts that cannot be reached are passed over by a look at all of them, and count as if they were on the new version.
runbook { name = "cutover", locks = { "dns/app" }, on_failure = "stop" }
local hosts, dns = require "hosts", require "dns"
local seen, right = hosts.run { on = { "web" }, argv = { "cat", "/opt/app/version" }, class = "read", partial = true }, 0
for _, of in pairs(seen.hosts) do
  if of.stdout == "v2\n" then right = right + 1 end
end
if right < 2 then fail("fewer than two hosts are on v2") end
dns.set { name = "app.example.org", type = "A", values = { "192.0.2.9" }, ttl = "1m" }
