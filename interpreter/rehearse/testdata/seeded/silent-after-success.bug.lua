-- A silence that the rollback ends goes on where nothing fails.
runbook { name = "silent-after-success", locks = { "cache/main" }, on_failure = "rollback" }
local health, exec = require "health", require "exec"
local quiet = health.silence { match = { env = "cache" }, lasts = "8h", why = "patching the cache" }
on_rollback("alerts again", function() health.unsilence { id = quiet.id } end)
exec.run { argv = { "./patch.sh", "cache" }, class = "write", recovery = "retry", timeout = "30m" }
health.wait { env = "cache" }
