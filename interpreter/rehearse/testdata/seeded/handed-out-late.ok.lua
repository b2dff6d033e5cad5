-- The old version ends before anybody has the new one.
runbook { name = "handed-out-late", locks = { "secrets/backup" }, on_failure = "stop" }
local secrets, exec, health = require "secrets", require "exec", require "health"
local new = secrets.rotate { name = "backup/key" }
exec.run { argv = { "./install-key.sh", "backup1" }, secrets = { KEY = secrets.get { name = "backup/key", version = new.version }.value }, class = "write", recovery = "retry" }
exec.run { argv = { "./try-backup.sh", "backup1" }, class = "read" }
secrets.revoke { name = "backup/key", version = new.previous }
