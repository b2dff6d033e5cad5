runbook { name = "waf-rules", locks = { "hosts/edge" }, on_failure = "rollback" }
local hosts, health = require "hosts", require "health"

local before = hosts.read { on = { "edge-ams" }, path = "/etc/haproxy/waf.lst" }.hosts["edge-ams"].text
local function put(where)
  hosts.copy { on = { where }, from = "rules/waf.lst", to = "/etc/haproxy/waf.lst", undo = function()
    hosts.copy { on = { where }, text = before, to = "/etc/haproxy/waf.lst" }
    hosts.service { on = { where }, name = "haproxy", action = "reload" }
  end }
  hosts.run { on = { where }, argv = { "haproxy", "-c", "-f", "/etc/haproxy/haproxy.cfg" }, class = "read" }
  hosts.service { on = { where }, name = "haproxy", action = "reload", limit = 10 }
end

step("all points of presence", function()
  put "edge"
  health.watch { env = "edge", during = "2m", every = "1m", slo = { error_rate = "< 1%", p99_latency = "< 300ms" } }
end)
