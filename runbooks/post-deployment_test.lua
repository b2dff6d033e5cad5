local book = runbook "post-deployment.lua"

local function start(changes)
  local s = {
    params = { endpoints = { "https://example.org/healthz", "https://example.org/ready" }, during = "2m", testers = { "ana" } },
    world  = {
      http   = { responses = { ["GET https://example.org/healthz"] = { status = 200 }, ["GET https://example.org/ready"] = { status = 200 } } },
      exec   = { commands = { ["npm run test:integration:production"] = { takes = "10m", json = { passed = 199, failed = 1 } } } },
      health = { green = {} },
    },
  }
  for module, state in pairs(changes or {}) do s.world[module] = state end
  return s
end

test("looks at everything, and changes nothing", function(t)
  local run = book.simulate(start())
  t.equal(run.error, nil)
  t.equal(run.status, "succeeded")
  t.effects(run, {})
  t.holds(run)
end)

for why, changes in pairs {
  ["4 of 100 tests failed, 4.0%"] = { exec = { commands = { ["npm run test:integration:production"] = { json = { passed = 96, failed = 4 } } } } },
  ["uptime"]                      = { health = { green = { uptime = "99.5%" } } },
  ["503"]                         = { http = { responses = { ["GET https://example.org/healthz"] = { status = 503 } } } },
} do
  test("ends where " .. why, function(t)
    local run = book.simulate(start(changes))
    t.equal(run.status, "failed")
    t.contains(run.error, why)
  end)
end

for metric, value in pairs { cpu_usage = 85, memory_usage = 90 } do
  test("ends where " .. metric .. " is beyond the warning of the prose", function(t)
    local metrics = { cpu_usage = 40, memory_usage = 60 }
    local s = start { health = { green = { metrics = metrics } } }
    s.params.saturation = true
    t.equal(book.simulate(s).status, "succeeded")
    metrics[metric] = value
    local run = book.simulate(s)
    t.equal(run.status, "failed")
    t.contains(run.error, metric .. " is " .. value)
  end)
end

test("ends where a workflow fails", function(t)
  local s = start()
  s.answers = { ["What users do"] = { answer = "failed", item = "payment" } }
  t.contains(book.simulate(s).error, "payment")
end)

test("asks for each workflow of the prose", function(t)
  local asked = {}
  for _, e in ipairs(book.simulate(start()).effects) do
    if e.op == "run.checklist" then
      for _, item in ipairs(e.args.items) do asked[#asked + 1] = type(item) == "table" and item.text or item end
    end
  end
  local all = table.concat(asked, "\n")
  for _, part in ipairs {
    "registration and authentication", "file upload and download", "payment", "sending and receiving messages", "marketplace",
    "monitoring dashboards", "log aggregation", "alert notifications", "backups",
  } do t.contains(all, part) end
end)

test("holds whatever fails", function(t)
  t.explore(start())
end)
