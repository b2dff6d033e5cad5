-- A rollback ends the new key before the old one is handed out again.
runbook { name = "rotate-api-key", locks = { "secrets/api" }, on_failure = "rollback" }
local secrets, deploy, health = require "secrets", require "deploy", require "health"

local new = secrets.rotate { name = "api/key" }
on_rollback("the old key", function()
  deploy.release { env = "gateway", version = "v5", set = { API_KEY_VERSION = new.previous } }
  deploy.activate { env = "gateway" }
  secrets.revoke { name = "api/key", version = new.version }
end)
step("roll the gateway", function()
  deploy.release { env = "gateway", version = "v5", set = { API_KEY_VERSION = new.version } }
  deploy.activate { env = "gateway" }
end)
health.watch { env = "gateway", during = "10m", every = "1m", slo = { error_rate = "< 1%" } }
step("end the old key", function() secrets.revoke { name = "api/key", version = new.previous } end)
