local book = runbook "security-incident.lua"

local function start(changes)
  local s = {
    params = {
      incident = "INC-9", level = "P0", systems = { "web" }, isolate = { "isolate" }, reconnect = { "reconnect" }, collect = { "forensics" },
      logs = { "/srv/logs" }, indicators = "evil", patch = { "patch" }, credentials = { "api-key" }, hand_over = { "./hand-over.sh", "{name}" }, verify = { "debsums", "-s" },
    },
    world = {
      hosts   = { hosts = { ["web-1"] = { groups = { "web" }, services = { auditd = "active" } } }, commands = {
        isolate = { sets = { net = "off" } }, reconnect = { sets = { net = "on" } }, forensics = { stdout = "ps" }, patch = { takes = "5m" }, ["debsums -s"] = {} } },
      files   = { ["/srv/logs/auth.log"] = { text = "2026-01-05T08:59:00Z evil login\n" } },
      secrets = { ["api-key"] = { versions = { "1" } } },
      exec    = { commands = { ["./hand-over.sh api-key"] = { sets = { ["api-key"] = "new" } } } },
      health  = { blue = {} },
    },
  }
  for name, value in pairs(changes or {}) do s.params[name] = value end
  return s
end

test("isolates, calls, keeps evidence, exchanges and connects again", function(t)
  local s = start { security = { "sam" } }
  local run = book.simulate(s)
  t.equal(run.error, nil)
  t.equal(run.status, "succeeded")
  t.equal(run.world.hosts.vars.net, "on")
  t.equal(run.world.secrets["api-key"].valid, { "2" })
  t.contains(run.world.notify.sent[2].text, "1 lines in the logs match")
  t.holds(run)
end)

test("goes up where the first level does not answer", function(t)
  local s = start()
  s.world.notify = { answers = { ["on-call"] = { never = true }, ["engineering-manager"] = { after = "5m", by = "mia" } } }
  local run = book.simulate(s)
  t.equal(run.status, "succeeded")
  t.contains(run.world.notify.sent[1].text, "taken on by mia")
end)

test("tells those who are called what the class of the incident means", function(t)
  for level, means in pairs { P0 = "critical: a breach", P1 = "high: suspicious", P2 = "medium: against policy" } do
    local told
    for _, e in ipairs(book.simulate(start { level = level }).effects) do
      if e.op == "notify.page" then told = told or e.args.text end
    end
    t.contains(told, "security incident " .. level .. " (" .. means)
  end
end)

test("responds within 15 minutes, and has the evidence within two hours", function(t)
  local s = start()
  s.world.hosts.commands.isolate = { takes = "5m", sets = { net = "off" } }
  s.world.hosts.commands.forensics = { takes = "9m", stdout = "ps" }
  s.world.notify = { answers = { ["on-call"] = { after = "14m", by = "zoe" } } }
  local isolated, called, kept
  local run = book.simulate(s)
  for _, e in ipairs(run.effects) do
    if e.op == "hosts.run" and e.args.argv[1] == "isolate" then isolated = e.at + e.took end
    if e.op == "notify.page" then called = called or e.at end
    if e.op == "files.archive" then kept = e.at + e.took end
  end
  t.ok(isolated <= 900, "isolated after " .. isolated .. " s")
  t.ok(called < 60, "called after " .. called .. " s: calling waits for nothing that is done to hosts")
  t.ok(kept <= 7200, "the evidence is kept after " .. kept .. " s")
end)

test("needs no monitor, no patch and nobody to hand over to", function(t)
  local run = book.simulate(start { monitor = "", patch = {}, credentials = {}, channel = "" })
  t.equal(run.status, "succeeded")
  local s = start { hand_over = {}, level = "P2" }
  t.equal(book.simulate(s).status, "succeeded")
end)

test("leaves systems cut off where people say no, or they are not whole", function(t)
  local s = start()
  s.answers = { ["INC-9: connect the systems again?"] = "deny" }
  local run = book.simulate(s)
  t.equal(run.status, "failed")
  t.equal(run.world.hosts.vars.net, "off")
  s = start()
  s.world.hosts.commands["debsums -s"] = { code = 2 }
  run = book.simulate(s)
  t.equal(run.status, "failed")
  t.equal(run.world.hosts.vars.net, "off")
end)

test("holds whatever fails", function(t)
  t.explore(start())
end)
