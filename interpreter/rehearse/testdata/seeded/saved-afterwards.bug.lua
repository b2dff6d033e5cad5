-- How many there were is read only once there are more, so that a rollback puts nothing back.
runbook { name = "sale-capacity", locks = { "deploy/shop" }, on_failure = "rollback" }
local deploy, health = require "deploy", require "health"
local function before() return deploy.status { env = "shop" }.instances end
deploy.scale { env = "shop", instances = 12, timeout = "15m" }
local was = before()
on_rollback("as many as before", function() deploy.scale { env = "shop", instances = was } end)
health.wait { env = "shop", timeout = "1m" }
sleep "8h"
health.check { env = "shop" }
deploy.scale { env = "shop", instances = was }
