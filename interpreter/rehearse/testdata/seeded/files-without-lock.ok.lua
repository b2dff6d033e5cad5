runbook { name = "files-without-lock", on_failure = "stop", locks = { "hosts/node" } }
local hosts = require "hosts"
hosts.copy { on = { "node" }, text = "conf 2", to = "/etc/app.conf" }
hosts.service { on = { "node" }, name = "app", action = "restart", limit = 1 }
