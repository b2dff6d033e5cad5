-- A credential is released by the rollback alone.
runbook { name = "credential-kept", on_failure = "rollback" }
local secrets, exec = require "secrets", require "exec"
local made = secrets.issue { name = "database/creds/report", ttl = "2h" }
on_rollback(function() secrets.release { lease = made.lease } end)
exec.run { argv = { "./report.sh" }, class = "write", recovery = "retry", secrets = { PGPASSWORD = secrets.get { name = made.lease .. "#password" }.value } }
secrets.release { lease = made.lease }
