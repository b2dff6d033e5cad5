local book = runbook "emergency-rollback.lua"

local function world(changes)
  local w = {
    traffic = { weights = { blue = 0, green = 100 } },
    health  = { blue = {}, green = { p99_latency = "900ms" } },
    exec    = { commands = { ["npm run test:smoke -- --env=blue"] = { takes = "1m" } } },
  }
  for module, state in pairs(changes or {}) do w[module] = state end
  return w
end

test("moves all traffic and verifies it", function(t)
  local run = book.simulate { world = world() }
  t.equal(run.status, "succeeded")
  t.effects(run, { { "traffic.switch", to = "blue" }, "notify.send" })
  t.equal(run.world.traffic.weights, { blue = 100, green = 0 })
  t.ok(run.effects[1].at + run.effects[1].took < 30, "traffic is back after 30 s")
  t.holds(run)
end)

test("asks where the smoke test fails", function(t)
  local run = book.simulate { world = world { exec = { commands = { ["npm run test:smoke -- --env=blue"] = { code = 1 } } } },
    answers = { ['step "verify blue" failed'] = { answer = "abort" } } }
  t.equal(run.status, "failed")
  t.contains(run.error, "test:smoke")
end)

test("is over within five minutes", function(t)
  t.ok(book.simulate { world = world() }.took < 300)
end)

test("needs no smoke test and no channel", function(t)
  local run = book.simulate { world = world(), params = { smoke = {}, channel = "" } }
  t.effects(run, { { "traffic.switch", to = "blue" } })
  t.ok(run.took < 30, "it takes " .. run.took)
end)

test("asks where blue is ill, too", function(t)
  local run = book.simulate { world = world { health = { blue = { healthy = false }, green = {} } },
    answers = { ['step "verify blue" failed'] = { answer = "abort", by = { "ana" } } } }
  t.equal(run.status, "failed")
  t.contains(run.error, "blue")
  t.effects(run, { { "traffic.switch", to = "blue" } })
end)

test("a message that cannot be sent stops nothing", function(t)
  local run = book.simulate { world = world { notify = { down = { "deployments" } } } }
  t.equal(run.status, "succeeded")
  t.contains(run.log[1].text, "nobody was told")
end)

-- That blue turns bad, too, is for people to decide on: see above. Also where the
-- runner is killed, traffic is back within 30 seconds.
test("holds whatever else fails", function(t)
  t.explore { world = world(), without = { "unhealthy" } }
end)
