-- A search over too much removes what it finds: so a backup script took 77 TB from Kyoto University in December 2021 (its own report).
runbook { name = "swept-away", locks = { "hosts/node" } }
local hosts = require "hosts"
hosts.run { on = { "n1" }, shell = "find /LARGE0/home -mtime +10 -delete", class = "write", recovery = "retry" }
