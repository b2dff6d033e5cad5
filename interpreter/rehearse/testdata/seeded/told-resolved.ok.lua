-- The page is resolved before anybody has looked whether the service is well again.
runbook { name = "cache-incident", on_failure = "stop" }
local notify, exec, health = require "notify", require "exec", require "health"
local page = notify.page { to = "on-call", text = "cache nodes answer with errors" }
exec.run { argv = { "./restart-cache.sh" }, class = "write", recovery = "retry" }
health.check { env = "cache" }
notify.update { to = "on-call", key = page.key, status = "resolved" }
