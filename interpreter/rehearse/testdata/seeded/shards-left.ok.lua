runbook { name = "shards-left", locks = { "hosts/es" }, on_failure = "rollback" }
local http, hosts, health = require "http", require "hosts", require "health"
local function allocation(what)
  http.request { url = "https://es.example.net/_cluster/settings", method = "PUT", recovery = "retry", json = { transient = { ["cluster.routing.allocation.enable"] = what } } }
end
on_rollback("shards are allocated", function() allocation "all" end)
allocation "none"
hosts.service { on = { "n1" }, name = "app", action = "restart" }
health.wait { env = "es", timeout = "15m" }
allocation "all"
