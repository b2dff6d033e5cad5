-- A table is dropped, and the data are restored to the end of the log, in which it is dropped again.
runbook { name = "undo-drop", locks = { "db/main" }, on_failure = "stop" }
local db = require "db"
local at = db.query { sql = "SELECT dropped_at FROM audit WHERE what = 'orders'" }.rows[1].dropped_at
db.restore { copy = "fresh", time = at - 1 }
db.validate { copy = "fresh" }
db.swap { copy = "fresh" }
