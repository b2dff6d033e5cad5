local book = runbook "status-page.lua"

local function start(health)
  return {
    params = { incident = "INC-9", title = "Errors of the API", components = { "API" }, bake = "2m", every = "30s" },
    world  = { notify = { components = { customers = { "API", "Website" } } }, health = { blue = health or {} } },
  }
end

local function told(run)
  local all = {}
  for _, e in ipairs(run.effects) do
    if e.op == "notify.publish" then all[#all + 1] = { e.args.status or "", e.at } end
  end
  return all
end

test("customers read of it at once, and of its end once it has held", function(t)
  local run = book.simulate(start { healthy = false, timeline = { { at = "20m", healthy = true } } })
  t.equal(run.error, nil)
  t.equal(run.status, "succeeded")
  local said = told(run)
  t.equal({ said[1][1], said[2][1], said[3][1] }, { "", "monitoring", "resolved" })
  t.ok(said[1][2] < 10, "customers read of it after " .. said[1][2] .. " s")
  t.ok(said[2][2] >= 1200 and said[3][2] - said[2][2] >= 120, "they read of its end before it held")
  t.equal(run.world.notify.status_pages.customers.incidents["INC-9"].status, "resolved")
  t.equal(run.world.notify.status_pages.customers.components, { API = "operational", Website = "operational" })
  t.holds(run)
end)

test("nobody reads that it is over where it does not hold", function(t)
  local run = book.simulate(start { timeline = { { at = "1m", error_rate = "5%" } } })
  t.equal(run.status, "failed")
  t.equal(run.world.notify.status_pages.customers.incidents["INC-9"].status, "monitoring")
  t.equal(run.world.notify.status_pages.customers.components.API, "partial_outage")
end)

test("holds whatever fails", function(t)
  t.explore(start())
end)
