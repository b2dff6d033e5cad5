-- A consumer still has the old password when that ends.
runbook { name = "revoked-early", locks = { "secrets/app" }, on_failure = "stop" }
local deploy, secrets = require "deploy", require "secrets"
local new = secrets.rotate { name = "app/token" }
local function give(env) deploy.release { env = env, version = "v1", set = { TOKEN_VERSION = new.version } } end
give "web"
secrets.revoke { name = "app/token", version = new.previous }
give "jobs"
