local book = runbook "maintenance.lua"

local function start(changes)
  local s = {
    start  = "2026-11-29 02:10", -- a Sunday, in the weekly window
    params = { on = { "web" }, command = { "apt-get", "-y", "upgrade" }, undo = { "restore-packages" } },
    world  = {
      hosts  = { hosts = { ["web-1"] = { groups = { "web" } }, ["web-2"] = { groups = { "web" } } },
        commands = { ["apt-get -y upgrade"] = { takes = "10m", sets = { packages = "new" } }, ["restore-packages"] = { sets = { packages = "old" } } } },
      health = { blue = {} },
    },
  }
  for name, value in pairs(changes or {}) do s[name] = value end
  return s
end

test("changes the hosts in the window", function(t)
  local run = book.simulate(start())
  t.equal(run.error, nil)
  t.equal(run.status, "succeeded")
  local change = { "hosts.run", argv = { "apt-get", "-y", "upgrade" } }
  t.effects(run, { "notify.send", change, change, "notify.send" })
  t.holds(run)
end)

-- slow is the same where one host takes longer than the window is open.
local function slow(answer)
  local s = start()
  s.world.hosts.commands["apt-get -y upgrade"].takes = "2h"
  s.params.timeout = "3h"
  s.answers = { ["go on after the window has closed?"] = answer }
  return book.simulate(s)
end

test("begins no further host once the window has closed, unless the manager agrees", function(t)
  local run = slow { answer = "approve", by = { "engineering-manager" } }
  t.equal(run.status, "succeeded")
  t.contains(slow({ answer = "approve", by = { "on-call" } }).error, "as on-call, and it asks [engineering-manager]")
  for _, answer in ipairs { { answer = "deny", by = { "engineering-manager" } }, { answer = "never" } } do
    run = slow(answer)
    t.equal(run.status, "rolled_back")
    local changed, back = {}, {}
    for _, e in ipairs(run.effects) do
      if e.op == "hosts.run" then table.insert(e.args.argv[1] == "apt-get" and changed or back, e.args.on[1]) end
    end
    t.equal(changed, { "web-1" })
    t.equal(back, { "web-1" })
  end
end)

test("refuses outside of it, and where it closes too soon", function(t)
  for _, at in ipairs { "2026-11-27 02:10", "2026-11-29 03:10" } do
    local run = book.simulate(start { start = at })
    t.equal(run.status, "failed")
    t.contains(run.error, "Sun 02:00-04:00 UTC")
    t.effects(run, {})
  end
end)

test("refuses what takes longer than a window may", function(t)
  local s = start()
  s.params.needs = "3h"
  t.contains(book.simulate(s).error, "longer than a weekly maintenance may take, 2h")
end)

test("waits for the window where it is told to", function(t)
  local s = start { start = "2026-11-27 02:10" }
  s.params.wait, s.params.kind = true, "monthly"
  local run = book.simulate(s)
  t.equal(run.status, "succeeded")
  t.ok(run.took > 8 * 86400, "it took " .. run.took .. " s, and the first Sunday is 9 days away")
end)

test("an emergency is agreed to by whom the policy names", function(t)
  local s = start { start = "2026-11-27 02:10" }
  s.params.emergency = "security patch"
  local function answered(answer, by)
    s.answers = { ["an emergency change: " .. s.params.emergency] = { answer = answer, by = { by } } }
    return book.simulate(s)
  end
  t.equal(answered("approve", "security-lead").status, "succeeded")
  t.contains(answered("approve", "engineering-manager").error, "it asks [security-lead]")
  s.params.emergency = "critical bug fix"
  t.equal(answered("approve", "engineering-manager").status, "succeeded")
  t.contains(answered("approve", "security-lead").error, "it asks [engineering-manager]")
  local run = answered("deny", "engineering-manager")
  t.equal(run.status, "failed")
  t.effects(run, {})
end)

test("takes the change back where the service gets ill", function(t)
  local s = start()
  s.world.health.blue = { error_rate = function(world) return world.hosts.vars and world.hosts.vars.packages == "new" and "5%" or "0%" end }
  local run = book.simulate(s)
  t.equal(run.status, "rolled_back")
  t.equal(run.world.hosts.vars.packages, "old")
end)

test("holds whatever fails", function(t)
  t.explore(start())
end)
