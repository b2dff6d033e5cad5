-- One command reboots every host: so Joyent lost a data center on 27 May 2014 (its own postmortem).
runbook { name = "rebooted-at-once", locks = { "hosts/us-east" } }
local hosts = require "hosts"
hosts.run { on = { "all" }, argv = { "reboot" }, class = "write", recovery = "retry", limit = 100 }
