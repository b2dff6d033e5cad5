-- The data of a database are removed on the wrong host, and nobody was asked: so GitLab lost six hours of data on 31 January 2017 (its own postmortem).
runbook { name = "destroyed-unasked", locks = { "db/main" }, on_failure = "stop" }
local hosts, db = require "hosts", require "db"
hosts.service { on = { "db2" }, name = "postgresql", action = "stop" }
hosts.run { on = { "db1" }, argv = { "rm", "-rf", "/var/opt/gitlab/postgresql/data" } }
hosts.service { on = { "db2" }, name = "postgresql", action = "start" }
