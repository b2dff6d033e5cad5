-- eu is to be evacuated; us runs at a third of its size.
runbook { name = "evacuate-eu", locks = { "traffic/global", "deploy/us" }, on_failure = "rollback" }
local traffic, deploy, health, notify = require "traffic", require "deploy", require "health", require "notify"

local function grow()
  deploy.scale { region = "us", instances = 24, timeout = "20m", undo = function() deploy.scale { region = "us", instances = 8 } end }
  health.wait { env = "us", timeout = "15m" }
end
local function move()
  traffic.split { us = 100, eu = 0, undo = function() traffic.split { us = 30, eu = 70 } end }
  health.watch { env = "us", during = "2m", every = "1m", slo = { error_rate = "< 1%", p99_latency = "< 400ms" } }
end
step("traffic to us", move)
step("us grows", grow)
notify.send { to = "incident", text = "us carries everything" }
