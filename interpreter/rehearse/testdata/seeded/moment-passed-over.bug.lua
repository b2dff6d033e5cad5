-- Whoever starts the run says up to which moment, and the restore takes all there is, what was deleted by mistake as well.
runbook { name = "undo-delete", locks = { "db/billing" }, on_failure = "stop", params = { before = { type = "string", required = true } } }
local db = require "db"
local have = db.backups {}
if have.earliest and time.parse(params.before) < have.earliest then fail "too long ago" end
db.restore { copy = "undeleted" }
db.validate { copy = "undeleted" }
approve { title = "put it in place?", detail = "what was written after " .. params.before .. " is lost" }
db.swap { copy = "undeleted" }
