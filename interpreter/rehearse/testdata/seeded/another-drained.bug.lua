-- Each node is cordoned, and the first one drained each time.
runbook { name = "patch-kernel", locks = { "nodes/all" }, on_failure = "rollback" }
local deploy, hosts = require "deploy", require "hosts"

for _, name in ipairs { "n1", "n2" } do
  step("patch " .. name, function()
    deploy.cordon { node = name, undo = function() deploy.uncordon { node = name } end }
    deploy.drain { node = "n1", timeout = "20m" }
    hosts.run { on = { name }, argv = { "./patch-and-reboot.sh" }, class = "write", recovery = "observe", timeout = "20m" }
    wait { title = name .. " is ready", timeout = "10m", every = "10s", until_ = function()
      for _, n in ipairs(deploy.nodes {}.nodes) do if n.name == name then return n.ready end end
    end }
    deploy.uncordon { node = name }
  end)
end
