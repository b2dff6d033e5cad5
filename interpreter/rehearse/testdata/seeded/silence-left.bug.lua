-- Alerts stay silent after a run that failed.
runbook { name = "silence-left", on_failure = "rollback" }
local deploy, exec, http = require "deploy", require "exec", require "http"
http.request { url = "https://alerts.example.net/api/silences/api", method = "PUT", json = { enabled = true } }
exec.run { argv = { "./cron.sh", "pause", "reports" }, class = "write", recovery = "retry" }
on_rollback(function() deploy.release { env = "api", version = "v1" } end)
deploy.release { env = "api", version = "v2" }
exec.run { argv = { "./cron.sh", "resume", "reports" }, class = "write", recovery = "retry" }
http.request { url = "https://alerts.example.net/api/silences/api", method = "PUT", json = { enabled = false } }
