runbook { name = "swept-away", locks = { "hosts/node" } }
local hosts = require "hosts"
local list = hosts.run { on = { "n1" }, shell = "find /LARGE0/log -name '*.log' -mtime +10", class = "read" }
approve { title = "Delete these logs?", detail = list.hosts.n1.stdout, timeout = "1h" }
hosts.run { on = { "n1" }, shell = "find /LARGE0/log -name '*.log' -mtime +10 -delete", class = "write", recovery = "retry" }
