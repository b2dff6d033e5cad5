local book = runbook "recover-database.lua"

local function start(changes)
  local s = {
    start  = "2026-11-27 02:00",
    params = { checks = { "SELECT count(*) > 0 FROM orders" } },
    world  = { db = {
      nodes   = { a = { primary = true } },
      backups = { { name = "nightly", age = "6h" } },
      valid   = false,
      statements = { ["SELECT count(*) > 0 FROM orders"] = { rows = { { ok = true } } } },
    } },
  }
  for key, value in pairs(changes or {}) do s.world.db[key] = value end
  return s
end

test("restores, verifies, asks and swaps", function(t)
  local run = book.simulate(start())
  t.equal(run.status, "succeeded")
  t.effects(run, { "db.restore", "db.swap", "notify.send" })
  t.equal(run.steps, { "see what can be restored", "restore beside the live data", "verify the copy", "put it in place", "verify the live data" })
  t.holds(run)
end)

test("restores to a moment", function(t)
  local s = start()
  s.params.time, s.params.db, s.params.by = "2026-11-27T01:40:00Z", "", { "ana" }
  local run = book.simulate(s)
  t.effects(run, { { "db.restore", time = 1795743600 } }, "db.restore")
  t.holds(run)
end)

test("refuses a moment before the first backup", function(t)
  local s = start()
  s.params.time = "2026-11-01T00:00:00Z"
  local run = book.simulate(s)
  t.equal(run.status, "failed")
  t.contains(run.error, "cannot be restored")
  t.effects(run, {})
end)

test("changes nothing where there is no backup", function(t)
  local run = book.simulate(start { backups = {} })
  t.equal(run.status, "failed")
  t.contains(run.error, "there is no backup")
end)

test("changes nothing where every backup is known to be damaged", function(t)
  local run = book.simulate(start { backups = { { name = "nightly", age = "6h", damaged = true } } })
  t.contains(run.error, "there is no backup that is whole")
  t.effects(run, {})
end)

test("changes nothing where the copy is damaged", function(t)
  local run = book.simulate(start { backups = { { name = "nightly", age = "6h", valid = false } } })
  t.equal(run.status, "failed")
  t.effects(run, { "db.restore" })
end)

test("says before the swap what cannot be verified after it, and looks at the checks", function(t)
  local run = book.simulate(start { verifiable = false })
  t.equal(run.status, "succeeded")
  t.effects(run, { "db.restore", "db.swap", "notify.send" })
  t.contains(run.log[1].text, "in place only its checks can be looked at")

  run = book.simulate(start { verifiable = false, statements = { ["SELECT count(*) > 0 FROM orders"] = { rows = { { ok = false } } } } })
  t.equal(run.status, "rolled_back")
  t.contains(run.error, "does not pass SELECT count(*) > 0 FROM orders")
end)

test("says before the swap that the log ends before the moment", function(t)
  local s = start { log_age = "1h" }
  s.params.time = "2026-11-27T01:40:00Z"
  local run = book.simulate(s)
  t.equal(run.status, "succeeded")
  t.contains(run.log[1].text, "is of 2026-11-27T01:00:00Z; the log ends there, before 2026-11-27T01:40:00Z")
end)

test("changes nothing where people say no", function(t)
  local s = start()
  s.answers = { ["put the restored data in place?"] = "deny" }
  local run = book.simulate(s)
  t.equal(run.status, "failed")
  t.effects(run, { "db.restore" })
end)

test("goes back to the data that was live where the restored is damaged in place", function(t)
  local s = start()
  s.faults = { { step = "verify the live data", kind = "refused" } }
  local run = book.simulate(s)
  t.equal(run.status, "rolled_back")
  t.effects(run, { "db.restore", "db.swap", "db.swap" })
end)

test("holds whatever fails", function(t)
  t.explore(start())
end)
