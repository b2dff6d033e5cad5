runbook {
  name    = "blue-green",
  summary = "Move traffic to a new version in steps, and back when it misbehaves",
  params  = {
    version = { type = "string", required = true, pattern = "^v%d+%.%d+%.%d+$" },
    bake    = { type = "duration", default = "15m", min = "1s", doc = "how long each step is watched" },
    regions = { type = "list", of = "string", default = { "eu", "us" } },
    mode    = { type = "enum", values = { "fast", "slow" }, default = "slow" },
    token   = { type = "secret" },
    share   = { type = "percent", default = "10%", min = 0, max = 100 },
    memory  = { type = "size", default = "10MiB" },
    tries   = { type = "int", default = 3, min = 1 },
    dry     = { type = "bool", default = false },
  },
  locks      = { "traffic/web" },
  on_failure = "rollback",
}

local traffic, health, notify = require "traffic", require "health", require "notify"
local slo = { p99_latency = "< 200ms", error_rate = "< 0.1%", uptime = "> 99.9%" }

step("green is healthy", function()
  health.check { env = "green", timeout = "5m" }
end)

for _, green in ipairs { 10, 50, 100 } do
  step("shift " .. green .. "% to green", function()
    on_rollback(function() traffic.split { blue = 100, green = 0 } end)
    traffic.split { green = green, blue = 100 - green }
    health.watch { env = "green", during = params.bake, every = "30s", slo = slo }
  end)
end

notify.send { to = "deployments", text = params.version .. " serves all traffic" }
