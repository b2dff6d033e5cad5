runbook { name = "secret-needed-late", locks = { "secrets/app" }, on_failure = "stop" }
local deploy, http, secrets = require "deploy", require "http", require "secrets"
local old = secrets.get { name = "app/token" }
http.request { url = "https://api.example.net/whoami", secrets = { Authorization = old.value } }
local new = secrets.rotate { name = "app/token" }
deploy.release { env = "web", version = "v1", set = { TOKEN_VERSION = new.version } }
secrets.revoke { name = "app/token", version = new.previous }
