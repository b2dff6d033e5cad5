-- A backup goes live that nobody has looked into. On 31 January 2017 GitLab found out only when it needed them that its
-- backups were not there (GitLab: Postmortem of database outage of January 31).
runbook { name = "restored-unseen", locks = { "db/app" }, on_failure = "stop" }
local db = require "db"
db.restore { copy = "fresh" }
db.validate { copy = "fresh" }
db.swap { copy = "fresh" }
