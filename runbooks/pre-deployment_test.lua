local book = runbook "pre-deployment.lua"

local function start(changes)
  local s = {
    params = { version = "v1.2.0" },
    world  = {
      db     = { nodes = { a = { primary = true } }, backups = { { name = "nightly", age = "6h" } } },
      exec   = { commands = { ["npm run test:final-integration"] = { takes = "20m" } } },
      health = { blue = {} },
    },
  }
  for module, state in pairs(changes or {}) do s.world[module] = state end
  return s
end

test("looks, asks, and changes nothing", function(t)
  local s = start()
  s.params.lead, s.params.security, s.params.approvers, s.params.count = { "ana" }, { "sam" }, { "bob", "eve" }, 2
  local run = book.simulate(s)
  t.equal(run.status, "succeeded")
  t.effects(run, {})
  t.equal(#run.steps, 3)
  t.holds(run)
end)

test("needs no database", function(t)
  local s = start()
  s.params.db = false
  t.equal(#book.simulate(s).steps, 2)
end)

for why, changes in pairs {
  ["is 48 hours old"]      = { db = { nodes = { a = { primary = true } }, backups = { { name = "nightly", age = "48h" } } } },
  ["is 72 hours old"]      = { db = { nodes = { a = { primary = true } },
    backups = { { name = "weekly", age = "72h" }, { name = "nightly", age = "6h", damaged = true } } } },
  ["there is no backup"]   = { db = { nodes = { a = { primary = true } }, backups = {} } },
  ["p99_latency"]          = { health = { blue = { p99_latency = "200ms" } } },
  ["uptime"]               = { health = { blue = { uptime = "99.9%" } } },
  ["npm"]                  = { exec = { commands = { ["npm run test:final-integration"] = { code = 1 } } } },
} do
  test("ends where " .. why, function(t)
    local run = book.simulate(start(changes))
    t.equal(run.status, "failed")
    t.contains(run.error, why)
  end)
end

test("ends where an item fails, or somebody says no", function(t)
  local s = start()
  s.answers = { ["Security before v1.2.0"] = { answer = "failed", item = "DDoS protection enabled" } }
  t.contains(book.simulate(s).error, "DDoS")
  s.answers = { ["deploy v1.2.0?"] = "deny" }
  t.equal(book.simulate(s).status, "failed")
end)

test("asks for each item of the prose that no program can tell", function(t)
  local asked = {}
  for _, e in ipairs(book.simulate(start()).effects) do
    if e.op == "run.checklist" then
      for _, item in ipairs(e.args.items) do asked[#asked + 1] = type(item) == "table" and item.text or item end
    end
  end
  local all = table.concat(asked, "\n")
  for _, part in ipairs {
    "change request", "risk assessment", "plan reviewed", "way back rehearsed",
    "security audit", "serverless readiness", "configuration validated", "recovery procedures tested",
    "infrastructure provisioned", "load balancers configured with health checks", "certificates", "monitoring and alerting",
    "log aggregation", "migrations", "secrets rotated", "least privilege", "network security groups", "WAF", "DDoS", "GDPR, SOC2",
  } do t.contains(all, part) end
end)

test("holds whatever fails", function(t)
  t.explore(start())
end)
