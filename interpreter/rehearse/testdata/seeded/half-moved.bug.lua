-- One of two regions could not be moved, the next one could, and people are told that both are.
runbook { name = "half-moved", locks = { "dns/example.net" }, on_failure = "rollback" }
local dns, notify = require "dns", require "notify"
for _, name in ipairs { "eu.example.net", "us.example.net" } do
  on_rollback(function() dns.set { name = name, values = { "192.0.2.1" } } end)
  local ok, why = pcall(dns.replace, { name = name, from = { "192.0.2.1" }, to = { "192.0.2.2" } })
  if not ok then log.warn("could not move " .. name) end
end
notify.send { to = "ops", text = "The regions are moved" }
