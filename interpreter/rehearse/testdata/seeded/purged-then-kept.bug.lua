-- The backup is made once the rows are gone.
runbook { name = "purge-events", locks = { "db/events" }, on_failure = "stop" }
local db = require "db"

approve { title = "Delete events older than a year?", by = { "dba" } }
step("purge", function()
  db.exec { db = "events", sql = "DELETE FROM events WHERE at < now() - interval '1 year'", timeout = "2h" }
end)
step("back up", function() db.backup { db = "events", type = "full" } end)
step("validate", function() db.validate { db = "events" } end)
