-- What blue-green.lua does in a simulated world. Run with: runbook test

local book = runbook "blue-green.lua"

-- before is the world in which every test starts, with changes laid over it.
local function before(changes)
  local s = {
    params = { version = "v1.2.0" },
    world  = {
      traffic = { weights = { blue = 100, green = 0 } },
      health  = { green = {}, blue = {} },
      exec    = { commands = {
        ["./scripts/deploy-ecosystem.sh"]          = { takes = "5m", sets = { green = "v1.2.0" } },
        ["npm run test:smoke"]                     = { takes = "1m" },
        ["npm run test:load"]                      = { takes = "10m" },
        ["./scripts/decommission-environment.sh"]  = { takes = "3m", sets = { blue = "gone" } },
      } },
    },
  }
  for module, state in pairs(changes.world or {}) do s.world[module] = state end
  for name, value in pairs(changes.params or {}) do s.params[name] = value end
  s.faults = changes.faults
  return s
end

-- slow_at returns a health of green that gets slow from a share of traffic on.
local function slow_at(share)
  return { blue = {}, green = { p99_latency = function(world)
    return world.traffic.weights.green >= share and 0.349 or 0.012
  end } }
end

-- rolled_back says what holds of every run that has moved all traffic back.
local function rolled_back(t, run)
  t.equal(run.status, "rolled_back")
  t.equal(run.world.traffic.weights, { blue = 100, green = 0 })
  t.equal(run.world.exec.vars.blue, nil, "blue is taken away although the run was rolled back")
  t.holds(run)
end

local function split(green) return { "traffic.split", green = green, blue = 100 - green } end
local deploy   = { "exec.run", argv = { "./scripts/deploy-ecosystem.sh", "--env=green", "--version=v1.2.0" } }
local back     = { "traffic.switch", to = "blue" }
local tell     = { "notify.send", to = "deployments" }

test("moves all traffic in steps and takes the old version away", function(t)
  local run = book.simulate(before {})
  t.equal(run.status, "succeeded")
  t.effects(run, {
    deploy,
    split(10), tell, split(50), tell, split(100), tell,
    { "exec.run", argv = { "./scripts/decommission-environment.sh", "--env=blue" }, class = "irreversible" },
    tell,
  })
  t.equal(run.world.traffic.weights, { blue = 0, green = 100 })
  t.equal(run.world.exec.vars, { green = "v1.2.0", blue = "gone" })
  t.holds(run)
end)

test("takes a day and some hours, as its parameters say", function(t)
  local run = book.simulate(before {})
  local waits = 15 * 60 * 2 + 3600 + 24 * 3600
  t.ok(run.took > waits, "it waits less than bakes, stability and keep come to: " .. run.took)
  t.ok(run.took < waits + 3600, "it takes much longer than bakes, stability and keep come to: " .. run.took)
  local quick = before { params = { bake = "1m", stability = "1m", keep = "1m", every = "10s" } }
  t.ok(book.simulate(quick).took < 3600, "short parameters do not make it short")
end)

test("tells people of every step", function(t)
  local told = {}
  for _, e in ipairs(book.simulate(before {}).effects) do
    if e.op == "notify.send" then told[#told + 1] = e.args.text end
  end
  t.equal(told, {
    "v1.2.0 serves 10% of the traffic",
    "v1.2.0 serves 50% of the traffic",
    "v1.2.0 serves 100% of the traffic",
    "v1.2.0 serves all traffic; blue is gone",
  })
end)

test("tells nobody without a channel", function(t)
  local run = book.simulate(before { params = { channel = "" } })
  t.equal(run.status, "succeeded")
  t.effects(run, {}, "notify")
end)

test("a message that cannot be sent stops nothing", function(t)
  local run = book.simulate(before { faults = { { op = "notify.send", kind = "refused" } } })
  t.equal(run.status, "succeeded")
  t.contains(run.log[1].text, "nobody was told")
  t.holds(run)
end)

test("leaves out the commands that are empty", function(t)
  local run = book.simulate(before { params = { smoke = {}, load_test = {}, decommission = {} } })
  t.equal(run.status, "succeeded")
  t.effects(run, { deploy }, "exec")
  t.equal(run.world.exec.vars.blue, nil)
end)

for _, share in ipairs { 10, 50, 100 } do
  test("rolls back when green gets slow at " .. share .. "%", function(t)
    local run = book.simulate(before { world = { health = slow_at(share) } })
    rolled_back(t, run)
    t.contains(run.error, "p99_latency")
    local want = { split(10) }
    if share >= 50 then want[2] = split(50) end
    if share >= 100 then want[3] = split(100) end
    want[#want + 1] = back
    t.effects(run, want, "traffic")
    t.ok(run.recovery < 30, "the rollback takes " .. run.recovery .. " s, longer than 30 s")
  end)
end

test("rolls back when errors come up in the hour after", function(t)
  local run = book.simulate(before { world = { health = { blue = {}, green = {
    timeline = { { at = "1h20m", error_rate = "5%" } },
  } } } })
  rolled_back(t, run)
  t.contains(run.error, "error_rate")
  t.effects(run, { split(10), split(50), split(100), back }, "traffic")
end)

test("no data is not healthy", function(t)
  local run = book.simulate(before { world = { health = { blue = {}, green = function(world)
    if world.traffic.weights.green >= 50 then return nil end
    return {}
  end } } })
  rolled_back(t, run)
  t.effects(run, { split(10), split(50), back }, "traffic")
end)

test("moves no traffic when the deployment fails", function(t)
  local run = book.simulate(before { world = { exec = { commands = { ["./scripts/deploy-ecosystem.sh"] = { code = 1 } } } } })
  t.equal(run.status, "failed")
  t.effects(run, { { "exec.run", error = "failed" } })
  t.equal(run.world.traffic.weights, { blue = 100, green = 0 })
  t.holds(run)
end)

test("moves no traffic when a smoke test fails", function(t)
  local run = book.simulate(before { world = { exec = { commands = { ["npm run test:smoke"] = { code = 1 } } } } })
  t.equal(run.status, "failed")
  t.effects(run, {}, "traffic")
  t.equal(run.steps, { "deploy v1.2.0 to green", "validate green" })
end)

test("moves no traffic to what is never healthy", function(t)
  local run = book.simulate(before { world = { health = { blue = {}, green = { healthy = false } } } })
  t.equal(run.status, "failed")
  t.effects(run, {}, "traffic")
end)

test("says that the rollback failed when blue is gone too", function(t)
  local run = book.simulate(before { world = {
    health  = slow_at(50),
    traffic = { servers = {
      blue  = { weight = 100, status = function(_, t) return t > 31 * 60 + 10 and "down" or "up" end },
      green = { weight = 0 },
    } },
  } })
  t.equal(run.status, "rollback_failed")
  t.ok(#run.broken > 0, "nobody is told that the rollback failed")
end)

test("traffic stays when the old version cannot be taken away", function(t)
  local run = book.simulate(before { world = { exec = { commands = { ["./scripts/decommission-environment.sh"] = { code = 1 } } } } })
  t.equal(run.status, "succeeded")
  t.effects(run, { split(10), split(50), split(100) }, "traffic")
  t.equal(run.world.traffic.weights.green, 100)
  t.contains(run.log[1].text, "blue could not be taken away")
  t.contains(run.world.notify.sent[4].text, "do it by hand")
  t.holds(run)
end)

test("deploys nothing before two people have agreed", function(t)
  local s = before { params = { approvals = 2, approvers = { "ana", "bob" } } }
  t.equal(book.simulate(s).status, "succeeded")
  s.answers = { ["deploy v1.2.0 to green, and move all traffic there?"] = "deny" }
  local run = book.simulate(s)
  t.equal(run.status, "failed")
  t.effects(run, {})
end)

test("refuses stages that do not end with 100", function(t)
  local run = book.simulate(before { params = { stages = { 10, 50 } } })
  t.equal(run.status, "failed")
  t.contains(run.error, "the last stage is 50%, not 100%")
  t.effects(run, {})
end)

test("goes on where it stood when its runner is killed", function(t)
  local run = book.simulate(before { faults = {
    { step = "shift 50% to green", kind = "killed-after" },
    { step = "deploy v1.2.0 to green", kind = "killed-before" },
  } })
  t.equal(run.status, "succeeded")
  t.effects(run, { split(10), split(50), split(100) }, "traffic")
  t.holds(run)
end)

local short = { bake = "1m", stability = "1m", keep = "1m", every = "30s" }

test("holds whatever fails, and is back within 30 s", function(t)
  local found = t.explore(before { params = short })
  t.ok(found.worst_recovery <= 30, "a rollback takes " .. found.worst_recovery .. " s")
end)
