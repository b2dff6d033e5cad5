runbook { name = "rate-limits", summary = "New rate limits at the gateway", locks = { "hosts/gateway" }, on_failure = "rollback" }
local hosts, health = require "hosts", require "health"

local path = "/etc/nginx/conf.d/limits.conf"
local old = hosts.read { on = { "gw-1" }, path = path }.hosts["gw-1"].text
on_rollback("the old limits", function()
  hosts.copy { on = { "gw-1" }, text = old, to = path }
  hosts.run { on = { "gw-1" }, argv = { "nginx", "-s", "reload" }, class = "write", recovery = "retry" }
end)
step("the new limits", function()
  hosts.copy { on = { "gw-1" }, from = "limits.conf", to = path }
  hosts.run { on = { "gw-1" }, argv = { "nginx", "-t" }, class = "read" }
  hosts.run { on = { "gw-1" }, argv = { "nginx", "-s", "reload" }, class = "write", recovery = "retry" }
end)
health.check { env = "gateway", timeout = "1m" }
