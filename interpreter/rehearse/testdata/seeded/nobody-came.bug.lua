-- Somebody is called who does not answer, and the run goes on as if they had come.
runbook { name = "nobody-came", locks = { "db/app" }, on_failure = "stop" }
local db, notify = require "db", require "notify"
notify.page { to = "dba", text = "replica b is about to be rebuilt" }
sleep "15m"
db.backup {}
