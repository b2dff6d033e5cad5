local book = runbook "planned-rollback.lua"

local function start(changes)
  local s = {
    params = { incident = "INC-7", logs = "/var/log/green" },
    world  = {
      traffic = { weights = { blue = 0, green = 100 } },
      health  = { blue = {}, green = { p99_latency = "900ms" } },
      files   = { ["/var/log/green/app.log"] = { text = "slow\n" } },
    },
  }
  for module, state in pairs(changes or {}) do s.world[module] = state end
  return s
end

test("moves traffic in two steps, keeps the logs and tells", function(t)
  local run = book.simulate(start())
  t.equal(run.status, "succeeded")
  t.effects(run, {
    { "traffic.split", blue = 50, green = 50 },
    { "traffic.split", blue = 100, green = 0 },
    { "files.archive", paths = { "/var/log/green" }, to = "./INC-7.tar.gz" },
    { "notify.send", to = "deployments" },
  })
  local splits = {}
  for _, e in ipairs(run.effects) do
    if e.op == "traffic.split" then splits[#splits + 1] = e.at end
  end
  t.ok(splits[2] - splits[1] >= 300, "half of the traffic was watched for less than five minutes")
  t.ok(run.took < 900, "it takes " .. run.took .. " s, longer than 15 minutes")
  t.contains(run.world.notify.sent[1].text, "--kind rollback")
  t.holds(run)
end)

test("says what is wrong by the rules of the policy, and rolls back where that cannot be measured", function(t)
  local function says(run, text)
    for _, line in ipairs(run.log) do
      if line.text:find(text, 1, true) then return true end
    end
  end
  local run = book.simulate(start())
  t.ok(says(run, "critical: p99_latency is 900ms (wants <= 500ms)"), "nothing is said of the latency")
  t.ok(not says(run, "warning: p99_latency"), "what is critical is called a warning, too")
  run = book.simulate(start { health = { blue = {}, green = { p99_latency = function() end, error_rate = "0.7%" } } })
  t.equal(run.status, "succeeded")
  t.ok(says(run, "critical: p99_latency has no data"), "nothing is said of what has no data")
  t.ok(says(run, "warning: error_rate is 0.7% (wants <= 0.5%)"), "nothing is said of the errors")
end)

test("keeps no logs where none are named", function(t)
  local s = start()
  s.params.logs = ""
  t.effects(book.simulate(s), { "traffic.split", "traffic.split", "notify.send" })
end)

test("asks where blue is ill under half of the traffic", function(t)
  local s = start { health = { green = {}, blue = function(world) return { error_rate = world.traffic.weights.blue >= 50 and "5%" or "0%" } end } }
  s.answers = { ['step "half of the traffic to blue" failed'] = { answer = "abort", by = { "ana" } } }
  local run = book.simulate(s)
  t.equal(run.status, "failed")
  t.contains(run.error, "error_rate")
end)

-- That blue turns bad, too, is for people to decide on: see above.
test("holds whatever else fails", function(t)
  local s = start()
  s.params.bake, s.params.every, s.without = "1m", "30s", { "unhealthy", "no-data", "drift" }
  t.explore(s)
end)
