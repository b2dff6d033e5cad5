runbook { name = "third-reader", summary = "Take a new replica into the pool of readers", locks = { "db/shop", "traffic/readers" }, on_failure = "rollback" }
local db, traffic, health, hosts = require "db", require "traffic", require "health", require "hosts"

step("a replica on c", function()
  hosts.run { on = { "c" }, argv = { "/usr/local/sbin/new-replica", "--from", "a" }, class = "write", recovery = "ask", timeout = "4h" }
  hosts.service { on = { "c" }, name = "postgresql", action = "start" }
  wait { title = "c is as far as a", every = "30m", timeout = "3h", until_ = function()
    local lag = db.lag { node = "c" }.replicas.c
    return lag and lag < 5
  end }
end)
step("c answers readers", function()
  traffic.ready { pool = "readers", server = "c", undo = function() traffic.drain { pool = "readers", server = "c" } end }
  health.check { env = "readers" }
end)
