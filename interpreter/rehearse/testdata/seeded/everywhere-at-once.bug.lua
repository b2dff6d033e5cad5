-- A version comes into service in all regions side by side, before anybody has seen it in one.
runbook { name = "gateway-v5", locks = { "deploy/gateway" }, on_failure = "stop" }
local deploy, health = require "deploy", require "health"
local function roll(region)
  deploy.activate { region = region }
  health.check { env = region }
end
parallel { eu = function() roll "eu" end, us = function() roll "us" end }
