-- Somebody is called who does not answer, and the run goes on as if they had come.
runbook { name = "nobody-came", locks = { "db/app" }, on_failure = "stop" }
local db, notify = require "db", require "notify"
notify.escalate { text = "replica b is about to be rebuilt", levels = { { to = "dba", wait = "5m" }, { to = "manager", wait = "15m" } }, every = "1m" }
db.backup {}
