runbook { name = "destroyed-unasked", locks = { "db/main" }, on_failure = "stop" }
local hosts, db = require "hosts", require "db"
db.backup { timeout = "2h" }
hosts.service { on = { "db2" }, name = "postgresql", action = "stop" }
approve { title = "Remove the data of db2, which is the replica?", by = { "dba", "oncall" }, timeout = "1h" }
hosts.run { on = { "db2" }, argv = { "rm", "-rf", "/var/opt/gitlab/postgresql/data" } }
hosts.service { on = { "db2" }, name = "postgresql", action = "start" }
