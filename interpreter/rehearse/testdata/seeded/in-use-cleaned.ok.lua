runbook { name = "clean-releases", summary = "Keep the five newest releases", locks = { "hosts/web", "deploy/web" }, on_failure = "stop" }
local hosts, deploy = require "hosts", require "deploy"
local web = "web-1"

local now_there = deploy.status { env = "web" }
if not now_there.serving then fail "nobody knows what serves" end
local list = hosts.run { on = { web }, argv = { "ls", "-1", "/srv/web/releases" }, class = "read" }.hosts[web].stdout
local names = {}
for name in list:gmatch("[^\n]+") do names[#names + 1] = name end
table.sort(names)
for i = 1, #names - 5 do
  if names[i] ~= now_there.serving and names[i] ~= now_there.previous then
    hosts.run { on = { web }, argv = { "rm", "-rf", "/srv/web/releases/" .. names[i] }, class = "irreversible" }
  end
end
