local book = runbook "rollout.lua"

test("gives the flag to everybody, step by step", function(t)
  local run = book.simulate { params = { flag = "search" }, world = { flags = { search = 0 } } }
  t.equal(run.status, "succeeded")
  t.equal(run.world.flags.search, 100)
  t.holds(run)
end)

test("holds whatever fails", function(t)
  t.explore { params = { flag = "search" } }
end)
