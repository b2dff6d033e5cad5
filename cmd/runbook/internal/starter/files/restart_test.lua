-- runbook test
local book = runbook "restart.lua"

test("restarts once", function(t)
  local run = book.simulate { params = { service = "web" } }
  t.equal(run.status, "succeeded")
  t.effects(run, { { "exec.run", argv = { "echo", "restart", "web" } } })
end)

test("starts the old one when the restart is refused", function(t)
  local run = book.simulate { params = { service = "web" },
    faults = { { step = "restart", kind = "refused" } } }
  t.equal(run.status, "rolled_back")
end)

test("holds whatever fails", function(t)
  t.explore { params = { service = "web" } }
end)
