local book = runbook "region-failover.lua"

local function start(changes)
  local s = {
    params = { region = "west", version = "v1.2.0", name = "www.example.org", from = { "192.0.2.1" }, to = { "198.51.100.1" }, bake = "1m" },
    world  = {
      deploy = { regions = { east = { state = "active", version = "v1.2.0" }, west = { envs = { ["disaster-recovery"] = {} } } } },
      health = { ["disaster-recovery"] = {} },
      dns    = { records = { { name = "www.example.org", ttl = "1m", values = { "192.0.2.1" } } } },
    },
  }
  for module, state in pairs(changes or {}) do s.world[module] = state end
  return s
end

test("brings the region up, asks, and moves the name", function(t)
  local run = book.simulate(start())
  t.equal(run.error, nil)
  t.equal(run.status, "succeeded")
  t.effects(run, { "deploy.release", "deploy.activate", { "dns.replace", name = "www.example.org" }, "notify.send" })
  t.holds(run)
end)

test("moves nothing where the recovery region is not healthy", function(t)
  local run = book.simulate(start { health = { ["disaster-recovery"] = { healthy = false } } })
  t.equal(run.status, "failed")
  t.effects(run, { "deploy.release" })
end)

test("moves nothing where people say no", function(t)
  local s = start()
  s.answers = { ["move to west?"] = { answer = "deny", by = { "ana" } } }
  s.params.by = { "ana" }
  local run = book.simulate(s)
  t.equal(run.status, "failed")
  t.effects(run, { "deploy.release" })
end)

test("leads back where people say so", function(t)
  local s = start()
  s.params.resolvers = { "9.9.9.9:53" }
  s.world.health["disaster-recovery"] = { timeline = { { at = "2m", error_rate = "5%" } } }
  s.answers = { ['step "watch west" failed'] = { answer = "rollback", by = { "ana" } } }
  local run = book.simulate(s)
  t.equal(run.status, "rolled_back")
  t.effects(run, { { "dns.replace", to = { "198.51.100.1" } }, { "dns.replace", to = { "192.0.2.1" } } }, "dns.replace")
end)

test("holds whatever fails", function(t)
  t.explore(start())
end)
