-- What lib/policy.lua holds, against the prose that it comes from, and who is called
-- when by it.

local policy = require "lib.policy"
local book = runbook "security-incident.lua"

local function minutes(levels)
  local out = {}
  for i, l in ipairs(levels) do out[i] = l.to .. " " .. l.wait end
  return table.concat(out, ", ")
end

test("the matrix names primary, secondary and response time of each level", function(t)
  t.equal(minutes(policy.levels.P0), "on-call 15m, engineering-manager 30m, executive 1h")
  t.equal(minutes(policy.levels.P1), "on-call 30m, team-lead 30m")
  t.equal(minutes(policy.levels.P2), "team-lead 2h, engineering-manager 2h")
  t.equal(minutes(policy.levels.P3), "engineering-team 24h, team-lead 24h")
end)

test("critical and warning thresholds are those of the prose", function(t)
  t.equal(policy.critical, { error_rate = "<= 1%", p99_latency = "<= 500ms", uptime = ">= 99.5%" })
  t.equal(policy.warning, { error_rate = "<= 0.5%", p99_latency = "<= 300ms", uptime = ">= 99.9%" })
  t.equal(policy.saturation.critical, { cpu_usage = "<= 90%", memory_usage = "<= 95%" })
  t.equal(policy.saturation.warning, { cpu_usage = "<= 80%", memory_usage = "<= 85%" })
end)

-- silent is an incident in which nobody answers whom a level calls before the last.
local function silent(level)
  local answers = {}
  for i, l in ipairs(policy.levels[level]) do
    answers[l.to] = i < #policy.levels[level] and { never = true } or { after = "1m", by = "zoe" }
  end
  return {
    params = { incident = "INC-9", level = level, systems = { "web" }, isolate = { "isolate" }, reconnect = { "reconnect" }, collect = { "ps" },
      logs = { "/srv/logs" }, indicators = "evil", verify = { "debsums" }, monitor = "" },
    world = {
      hosts  = { hosts = { ["web-1"] = { groups = { "web" } } }, commands = { isolate = {}, reconnect = {}, ps = {}, debsums = {} } },
      files  = { ["/srv/logs/auth.log"] = { text = "2026-01-05T08:59:00Z evil login\n" } },
      health = { blue = {} },
      notify = { answers = answers },
    },
  }
end

for level, waits in pairs { P0 = 45, P1 = 30, P2 = 120 } do
  test(level .. " goes up through all levels, each in its time", function(t)
    local run = book.simulate(silent(level))
    t.equal(run.status, "succeeded")
    t.contains(run.world.notify.sent[1].text, level .. ", taken on by zoe")
    local called = {}
    for _, e in ipairs(run.effects) do
      if e.op == "notify.page" then called[#called + 1] = e.args.to end
    end
    local wanted = {}
    for i, l in ipairs(policy.levels[level]) do wanted[i] = l.to end
    t.equal(called, wanted)
    t.ok(run.took > (waits + 1) * 60, "somebody was called before the one before had their time: " .. run.took)
    t.ok(run.took < (waits + 5) * 60, "somebody was called late: " .. run.took)
  end)
end
