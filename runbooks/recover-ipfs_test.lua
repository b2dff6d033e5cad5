local book = runbook "recover-ipfs.lua"

local function start(params)
  local s = {
    params = { cids = { "bafya", "bafyb" }, from = { "/ip4/192.0.2.7/tcp/4001/p2p/12D3KooWbackup" } },
    world  = { ipfs = {
      pins    = { "bafyb" },
      content = { bafya = { blocks = 3, size = "1MiB", providers = { "backup" } }, bafyb = { blocks = 1, size = "1KiB", providers = { "backup" } } },
      archives = { ["/srv/archive/bafya.car"] = { "bafya" } },
    } },
  }
  for name, value in pairs(params or {}) do s.params[name] = value end
  return s
end

test("brings back what is missing, and validates all", function(t)
  local run = book.simulate(start())
  t.equal(run.status, "succeeded")
  t.contains(run.world.notify.sent[1].text, "1 of 2 were brought back, 1 were there")
  local validated = {}
  for _, e in ipairs(run.effects) do
    if e.op == "ipfs.validate" and e.step == "validate the content" then validated[#validated + 1] = e.args.cid end
  end
  t.equal(validated, { "bafya", "bafyb" })
  t.holds(run)
end)

test("calls nothing whole that is not", function(t)
  local s = start()
  s.faults = { { step = "validate the content", kind = "refused" } }
  local run = book.simulate(s)
  t.equal(run.status, "failed")
  t.effects(run, {}, "notify")
end)

test("takes archives, and a node by name", function(t)
  local run = book.simulate(start { from = {}, archive = "/srv/archive" })
  t.equal(run.status, "succeeded")
end)

test("mends what is damaged from an archive, and calls it whole with one only", function(t)
  local s = start { archive = "/srv/archive" }
  s.world.ipfs.damaged = { "bafya" }
  local run = book.simulate(s)
  t.equal(run.status, "succeeded")
  t.contains(run.world.notify.sent[1].text, "1 of 2 were brought back, 1 were there")
  s = start()
  s.world.ipfs.damaged = { "bafya" }
  run = book.simulate(s)
  t.equal(run.status, "failed")
  t.contains(run.error, "a block of bafya is damaged")
  t.effects(run, {}, "notify")
end)

test("fails where nobody has the content", function(t)
  local s = start { cids = { "bafyc" } }
  s.world.ipfs.content.bafyc = { blocks = 1, size = "1KiB", providers = {} }
  local run = book.simulate(s)
  t.equal(run.status, "failed")
  t.effects(run, {}, "notify")
end)

test("holds whatever fails", function(t)
  t.explore(start())
end)
