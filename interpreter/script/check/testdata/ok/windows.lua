runbook { name = "windows", summary = "asks before its windows, or within them", params = { stands = { type = "duration", default = "1d" } }, locks = { "db/main" } }
local db, notify = require "db", require "notify"
window { open = { "daily 01:00-04:00 UTC" } }
approve { title = "tell them?" }
notify.send { to = "db", text = "it begins" }
approve { title = "migrate?", timeout = "1d" }
window { open = { "daily 01:00-04:00 UTC" }, outside = "wait" }
db.migrate { to = 2 }
approve { title = "again?", timeout = "30m" }
db.migrate { to = 3 }
window { open = { "daily 01:00-04:00 UTC" }, closed = "refuse" }
approve { title = "once more?", timeout = "1d" }
step("migrate", function() db.migrate { to = 4 } end)
window { open = { "daily 01:00-04:00 UTC" } }
approve { title = "as long as it is said?", timeout = params.stands }
db.migrate { to = 6 }
on_rollback("back", function() db.migrate { to = 1 } end)
