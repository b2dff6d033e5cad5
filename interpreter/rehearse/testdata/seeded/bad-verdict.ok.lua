-- A backup is verified, and nobody looks at what that says.
runbook { name = "verify-and-drop", locks = { "db/main" }, on_failure = "stop" }
local db, http = require "db", require "http"
if not http.request { url = "https://backups.example.net/v1/full-9/verify" }.json.valid then db.backup { type = "full" } end
db.exec { sql = "DELETE FROM events WHERE day < 20260101" }
