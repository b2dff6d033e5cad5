-- The old key ends before its last consumer has the new one.
runbook { name = "rotate-api-key", locks = { "secrets/api", "hosts/api" }, on_failure = "stop" }
local secrets, hosts, health = require "secrets", require "hosts", require "health"
local new = secrets.rotate { name = "api/key" }
hosts.service { on = { "api1" }, name = "api", action = "restart" }
health.wait { env = "api1" }
hosts.service { on = { "api2" }, name = "api", action = "restart" }
health.wait { env = "api2" }
secrets.revoke { name = "api/key", version = new.previous }
