runbook { name = "clean-releases", summary = "Keep the five newest releases", locks = { "hosts/web", "deploy/web" }, on_failure = "stop" }
local hosts = require "hosts"
local web = "web-1"

local list = hosts.run { on = { web }, argv = { "ls", "-1", "/srv/web/releases" }, class = "read" }.hosts[web].stdout
local names = {}
for name in list:gmatch("[^\n]+") do names[#names + 1] = name end
table.sort(names)
for i = 1, #names - 5 do
  hosts.run { on = { web }, argv = { "rm", "-rf", "/srv/web/releases/" .. names[i] }, class = "irreversible" }
end
