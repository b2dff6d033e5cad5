local book = runbook "shift.lua"
local start = { traffic = { weights = { blue = 100, green = 0 } } }

test("passes", function(t)
  local run = book.simulate { world = start, params = { token = "env:TOKEN" } }
  t.equal(run.status, "succeeded")
  t.effects(run, { { "traffic.split", green = "50%" } })
  t.effects(run, { { "run.approve", by = { "alice" } } }, "run")
  t.effects(run, { "health.measure", "health.measure", "health.measure", "health.measure" }, "health.measure")
end)

test("fails in every way", function(t)
  local run = book.simulate { scenario = "slow.lua", params = { to = 60 } }
  t.equal(run.status, "succeeded")
  t.equal(run.world.traffic.weights, { blue = 0, green = 100 })
  t.effects(run, { { "traffic.split", green = 10 }, "traffic.switch" })
  t.ok(false, "not ok")
  t.contains(run.steps, "nowhere")
  t.holds(run)
  t.log("seen", { a = 1 })
  t.fail "by hand"
  local nothing
  nothing.at = "all"
end)

test("denied", function(t)
  local run = book.simulate { scenario = "slow.lua", answers = { ["shift?"] = "deny" } }
  t.equal(run.status, "failed")
  t.contains(run.error, "said no")
  t.effects(run, {})
  t.effects(run, { { "run.approve", title = "shift?", error = "denied" } }, "run")
end)

test("explores", function(t)
  local run = book.simulate { scenario = "slow.lua", params = { to = 10 } }
  t.equal(run.status, "succeeded")
  local found = t.explore()
  t.ok(found.schedules > 10)
  t.holds(found)
end)
