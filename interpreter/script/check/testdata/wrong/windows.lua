runbook { name = "windows", summary = "asks for longer than its windows are open", locks = { "db/main" } }
local db, notify = require "db", require "notify"
window { open = { "daily 01:00-04:00 UTC" }, needs = "1h", outside = "wait" }
approve { title = "migrate?", timeout = "2d" } -- warning: the window of line 3 is open for 3h at most, and this may be answered after 2d: db\.migrate, at line 7
notify.send { to = "db", text = "they said yes" }
step("migrate", function()
  db.migrate { to = 2 }
end)
window { open = { "daily 22:00-02:00 UTC", "Sun 00:00-06:00 UTC" } }
checklist { title = "before the swap", items = { "the copy is whole" } } -- warning: open for 8h at most, and this may be answered after 7d: db\.swap
db.swap { copy = "next" }
