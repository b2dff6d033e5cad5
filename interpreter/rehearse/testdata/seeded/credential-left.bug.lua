-- A credential is left valid where the work with it fails.
runbook { name = "credential-left", on_failure = "rollback" }
local secrets, exec = require "secrets", require "exec"
local made = secrets.issue { name = "database/creds/report", ttl = "2h" }
exec.run { argv = { "./report.sh" }, class = "write", recovery = "retry", secrets = { PGPASSWORD = secrets.get { name = made.lease .. "#password" }.value } }
secrets.release { lease = made.lease }
