runbook { name = "read-then-rotated", locks = { "secrets/app" }, on_failure = "stop" }
local deploy, http, secrets = require "deploy", require "http", require "secrets"
local new = secrets.rotate { name = "app/token" }
http.request { url = "https://api.example.net/whoami", secrets = { Authorization = new.value } }
deploy.release { env = "web", version = "v1", set = { TOKEN_VERSION = new.version } }
secrets.revoke { name = "app/token", version = new.previous }
