-- A rollback ends the new key before the old one is handed out again.
runbook { name = "rotate-api-key", locks = { "secrets/api" }, on_failure = "rollback" }
local secrets, deploy, health = require "secrets", require "deploy", require "health"

local new = secrets.rotate { name = "api/key" }
on_rollback("end the new key", function() secrets.revoke { name = "api/key", version = new.version } end)
for _, env in ipairs { "gateway", "worker" } do
  on_rollback("the old key for " .. env, function()
    deploy.release { env = env, version = "v5", set = { API_KEY_VERSION = new.previous } }
    deploy.activate { env = env }
  end)
  deploy.release { env = env, version = "v5", set = { API_KEY_VERSION = new.version } }
  deploy.activate { env = env }
  health.wait { env = env }
end
secrets.revoke { name = "api/key", version = new.previous }
