local policy = require "lib.policy"
local book = runbook "escalate.lua"

local function start(level, answers)
  return { params = { level = level, text = "disk is full" }, world = { notify = { answers = answers or {} } } }
end

-- The times of the prose, in seconds: when the second contact is called.
for level, seconds in pairs { P0 = 15 * 60, P1 = 30 * 60, P2 = 2 * 3600, P3 = 24 * 3600 } do
  test(level .. ": the secondary contact is called when the primary has not come in time", function(t)
    local first, second = policy.levels[level][1].to, policy.levels[level][2].to
    local run = book.simulate(start(level, { [first] = { never = true }, [second] = { after = "1m", by = "zoe" } }))
    t.equal(run.status, "succeeded")
    local pages = {}
    for _, e in ipairs(run.effects) do
      if e.op == "notify.page" then pages[#pages + 1] = e end
    end
    t.equal(#pages, 2)
    t.equal({ pages[1].args.to, pages[2].args.to }, { first, second })
    t.equal(pages[1].args.severity, policy.severity[level])
    local waited = pages[2].at - pages[1].at
    t.ok(waited >= seconds and waited < seconds + 301, "the second is called after " .. waited .. " s, not " .. seconds)
    t.contains(run.world.notify.sent[1].text, "taken on by zoe (" .. second .. ")")
  end)
end

test("says where nobody comes", function(t)
  local run = book.simulate(start("P3", { ["engineering-team"] = { never = true }, ["team-lead"] = { never = true } }))
  t.equal(run.status, "failed")
  t.contains(run.world.notify.sent[1].text, "nobody has taken it on")
  t.ok(#run.effects < 1500, "two days of silence take " .. #run.effects .. " effects of the record")
  t.ok(run.took >= 48 * 3600, "it gave up after " .. run.took .. " s")
end)

test("holds whatever fails", function(t)
  t.explore(start("P1"))
end)
