-- What keeps the configuration as it is to be stays stopped where the run fails.
runbook { name = "hotfix-config", locks = { "hosts/web" }, on_failure = "rollback" }
local hosts = require "hosts"
hosts.service { on = { "w1" }, name = "puppet", action = "stop" }
hosts.service { on = { "w1" }, name = "app", action = "restart" }
hosts.service { on = { "w1" }, name = "puppet", action = "start" }
