local book = runbook "compliance.lua"

local function start(standard, changes)
  local s = {
    params = { standard = standard },
    world  = {
      db   = { nodes = { a = { primary = true } }, backups = { { name = "nightly", age = "6h" } } },
      exec = { commands = { ["runbook audit verify"] = { takes = "2s" } } },
    },
  }
  for module, state in pairs(changes or {}) do s.world[module] = state end
  return s
end

for _, standard in ipairs { "gdpr", "soc2" } do
  test(standard .. ": looks at all controls and changes nothing", function(t)
    local s = start(standard)
    s.params.officers = { "dpo" }
    local run = book.simulate(s)
    t.equal(run.error, nil)
    t.equal(run.status, "succeeded")
    t.equal(#run.steps, 2)
    t.effects(run, {})
    t.holds(run)
  end)
end

for why, changes in pairs {
  ["there is no backup"] = { db = { nodes = { a = { primary = true } }, backups = {} } },
  ["48 hours old"]       = { db = { nodes = { a = { primary = true } }, backups = { { name = "nightly", age = "48h" } } } },
} do
  test("says all that does not hold: " .. why, function(t)
    changes.exec = { commands = { ["runbook audit verify"] = { code = 1 } } }
    local run = book.simulate(start("soc2", changes))
    t.equal(run.status, "failed")
    t.contains(run.error, "2 of 8 controls do not hold")
    t.contains(run.error, why)
    t.equal(#run.steps, 2)
  end)
end

for said, code in pairs { ["is not the one that this run is in"] = 2, ["ended with exit code 1"] = 1 } do
  test("a record that is another one, or damaged, does not hold: " .. said, function(t)
    local s = start("soc2", { exec = { commands = {
      ["runbook audit verify"] = { takes = "2s" },
      ["runbook audit verify 00000000-0000-7000-8000-000000000000"] = { code = code }, -- the id of a run that is rehearsed
    } } })
    local run = book.simulate(s)
    t.equal(run.status, "failed")
    t.contains(run.error, "1 of 8 controls do not hold")
    t.contains(run.error, said)
  end)
end

for control, standard in pairs {
  ["Art. 30: the record of processing activities is up to date"]                          = "gdpr",
  ["CC5.3: the runbooks were reviewed within the quarter by the team that owns them"] = "soc2",
} do
  test("a control that people cannot answer for fails the run: " .. control, function(t)
    local s = start(standard)
    s.answers = { [standard .. " controls"] = { answer = "failed", item = control } }
    local run = book.simulate(s)
    t.equal(run.status, "failed")
    t.contains(run.error, control)
  end)
end

test("holds whatever fails", function(t)
  t.explore(start("soc2"))
end)
