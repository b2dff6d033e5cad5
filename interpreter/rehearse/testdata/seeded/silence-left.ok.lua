-- Alerts stay silent after a run that failed.
runbook { name = "silence-left", on_failure = "rollback" }
local deploy, exec, http = require "deploy", require "exec", require "http"
local function silent(on) http.request { url = "https://alerts.example.net/api/silences/api", method = "PUT", json = { enabled = on } } end
local function cron(what) exec.run { argv = { "./cron.sh", what, "reports" }, class = "write", recovery = "retry" } end
on_rollback(function() silent(false) end)
silent(true)
on_rollback(function() cron "resume" end)
cron "pause"
on_rollback(function() deploy.release { env = "api", version = "v1" } end)
deploy.release { env = "api", version = "v2" }
cron "resume"
silent(false)
