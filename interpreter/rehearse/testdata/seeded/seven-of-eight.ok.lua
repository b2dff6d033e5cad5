-- One host of a fleet does not get the new version, and nobody looks: so Knight Capital traded on 1 August 2012
-- (SEC, Release No. 70694).
runbook { name = "seven-of-eight", locks = { "hosts/router" }, on_failure = "stop" }
local hosts = require "hosts"
local r = hosts.copy { on = { "router" }, text = "version 9", to = "/opt/router/conf", partial = true }
for name, of in pairs(r.hosts) do if of.error then fail(name .. ": " .. of.error) end end
