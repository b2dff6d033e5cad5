-- The fleet is written down, and lacks one: so Knight Capital traded on 1 August 2012 (SEC, Release No. 70694).
runbook { name = "router", locks = { "hosts/router" }, on_failure = "stop" }
local hosts = require "hosts"
local fleet = { "router" }
hosts.copy { on = fleet, text = "version 9", to = "/opt/router/conf" }
for name, of in pairs(hosts.run { on = fleet, argv = { "/opt/router/version" }, class = "read" }.hosts) do
  if of.stdout ~= "9\n" then fail(name .. " has another version") end
end
