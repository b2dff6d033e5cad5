-- A loop over the hosts of a fleet ends one too early.
runbook { name = "new-flag", locks = { "hosts/router" }, on_failure = "stop" }
local hosts = require "hosts"
local all = { "r1", "r2", "r3" }
for i = 1, #all do hosts.copy { on = { all[i] }, text = "version 9", to = "/opt/router/conf" } end
