-- A run that uses what it has revoked is not taken up again once it is: only its memory still had that.
runbook { name = "secret-needed-late", locks = { "secrets/app" }, on_failure = "stop" }
local deploy, http, secrets = require "deploy", require "http", require "secrets"
local old = secrets.get { name = "app/token" }
http.request { url = "https://api.example.net/whoami", secrets = { Authorization = old.value } }
local new = secrets.rotate { name = "app/token" }
deploy.release { env = "web", version = "v1", set = { TOKEN_VERSION = new.version } }
secrets.revoke { name = "app/token", version = new.previous }
http.request { url = "https://api.example.net/whoami", secrets = { Authorization = old.value } } -- which is to be refused now
