-- Security incident: systems are isolated and watched, people are called by the
-- incident's level; forensic data is kept with its hashes, logs are searched; then
-- patches, new credentials, and proof that systems are whole.
--
--   runbook run security-incident.lua --params INC-9.yaml
--
-- Its report: runbook report latest --kind incident

runbook {
  name    = "security-incident",
  summary = "Isolate, investigate, contain and recover",
  params  = {
    incident    = { type = "string", required = true, pattern = "^[%w%-]+$", doc = "what it is called: INC-9" },
    level       = { type = "enum", values = { "P0", "P1", "P2" }, required = true,
      doc = "P0: an active breach, unauthorized access to production, or malware there; P1: suspicious activity, failed logins beyond a threshold, a vulnerability that may be exploited; P2: violations of policy, unusual access, a vulnerability that is not critical" },
    systems     = { type = "list", of = "string", required = true, min = 1, doc = "the hosts that are affected: names, groups, labels" },
    isolate     = { type = "list", of = "string", required = true, min = 1, doc = "what cuts a host off; it may run twice" },
    reconnect   = { type = "list", of = "string", required = true, min = 1, doc = "what connects it again" },
    monitor     = { type = "string", default = "auditd", doc = "the service that watches more closely; empty for none" },
    collect     = { type = "list", of = "string", required = true, min = 1, doc = "what prints forensic data of a host" },
    logs        = { type = "list", of = "string", required = true, min = 1, doc = "the collected logs: files, directories, patterns" },
    indicators  = { type = "string", required = true, min = 1, doc = "a regular expression that finds signs of compromise" },
    timeframe   = { type = "duration", default = "24h", doc = "how far back logs are searched" },
    archive     = { type = "string", default = ".", doc = "the directory that keeps the evidence" },
    patch       = { type = "list", of = "string", default = {}, doc = "what applies the patches on a host; empty for none" },
    credentials = { type = "list", of = "string", default = {}, doc = "secrets that may be known to others" },
    hand_over   = { type = "list", of = "string", default = {}, doc = "what gives the new version of a credential, {name}, to those who use it" },
    verify      = { type = "list", of = "string", required = true, min = 1, doc = "what proves that a host is whole; 0 if it is" },
    env         = { type = "string", default = "blue", doc = "the environment that has to work in the end" },
    security    = { type = "list", of = "string", default = {}, doc = "who decides; anyone if empty" },
    channel     = { type = "string", default = "security", doc = "where to tell people; empty tells nobody" },
  },
  on_failure      = "ask",
  recovery_target = "24h",
}

local exec, files, health, hosts, notify, secrets = require "exec", require "files", require "health", require "hosts", require "notify", require "secrets"
local policy, tell = require "lib.policy", require "lib.people".tell

local id = params.incident
local by = #params.security > 0 and params.security or nil

local function on_all(argv, class)
  return hosts.run { on = params.systems, argv = argv, class = class, recovery = class == "write" and "retry" or nil }
end

-- Immediate response.

local called
parallel {
  systems = function()
    step("isolate the affected systems", function() on_all(params.isolate, "write") end)
    if params.monitor ~= "" then
      step("watch more closely", function() hosts.service { on = params.systems, name = params.monitor, action = "restart" } end)
    end
  end,
  people = function()
    step("call the security team", function()
      called = notify.escalate { levels = policy.levels[params.level], every = policy.looks[params.level], text = id .. ": security incident " .. params.level .. " (" .. policy.means[params.level] .. ")", severity = policy.severity[params.level] }
    end)
    tell(params.channel, id .. ": " .. params.level .. ", taken on by " .. called.by)
  end,
}

-- Investigation.

step("collect forensic data", function()
  on_all(params.collect, "read") -- what each host printed stands in the record, with its hash chain
  local kept = files.archive { paths = params.logs, to = params.archive .. "/" .. id .. ".tar.gz" }
  log.info { text = "evidence kept", file = kept.path, sha256 = kept.sha256 }
end)

local found = step("search for indicators of compromise", function()
  return files.search { paths = params.logs, pattern = params.indicators, from = now() - params.timeframe }
end)

tell(params.channel, id .. ": " .. found.count .. " lines in the logs match. Preliminary report: runbook report " .. run.id .. " --kind incident")

-- Containment and recovery.

approve { title = id .. ": begin containment and recovery?", by = by, detail = found.count .. " lines match " .. params.indicators }

if #params.patch > 0 then
  step("apply patches", function() on_all(params.patch, "write") end)
end

for _, name in ipairs(params.credentials) do
  step("exchange " .. name, function()
    local made = secrets.rotate { name = name }
    if #params.hand_over > 0 then
      local argv = {}
      for i, word in ipairs(params.hand_over) do argv[i] = word:gsub("{name}", name) end
      exec.run { argv = argv, class = "write", recovery = "retry" }
    end
    if made.previous then secrets.revoke { name = name, version = made.previous } end
  end)
end

step("validate the integrity of the systems", function() on_all(params.verify, "read") end)

approve { title = id .. ": connect the systems again?", by = by, detail = "they are patched, credentials are exchanged, and they are whole" }

step("connect the systems again", function() on_all(params.reconnect, "write") end)

step("see that " .. params.env .. " works", function() health.wait { env = params.env, timeout = "5m" } end)

step("close the incident", function()
  for _, page in ipairs(called.pages) do notify.update { to = page.to, key = page.key, status = "resolved", text = id .. " is over" } end
end)

tell(params.channel, id .. ": contained and recovered; " .. params.env .. " works")
