-- A run that stops where it fails leaves alerts silent: nobody comes.
runbook { name = "mute-and-stop", locks = { "db/app" }, on_failure = "stop" }
local db, http = require "db", require "http"
local base = "https://alerts.example.net/api/v2/"
local function silence()
  http.request { url = base .. "silences", method = "POST", json = { comment = "upgrade" }, recovery = "retry", key_header = "Idempotency-Key" }
end
local function listen()
  http.request { url = base .. "silence/upgrade", method = "DELETE", recovery = "retry", ok = { 200, 404 } }
end
silence()
local ok, why = pcall(db.migrate, { to = 8 })
listen()
if not ok then error(why) end
