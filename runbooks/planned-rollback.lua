-- Planned rollback: traffic back in two steps, with a look between them, within
-- 15 minutes; the logs of the version that failed are kept.
--
--   runbook run planned-rollback.lua --param incident=INC-7 --param logs=/var/log/green
--
-- Its report: runbook report latest --kind rollback

runbook {
  name    = "planned-rollback",
  summary = "Move traffic back in steps, and keep the logs of what failed",
  params  = {
    from     = { type = "string", default = "green", doc = "the environment that failed" },
    to       = { type = "string", default = "blue", doc = "the environment that is to serve" },
    incident = { type = "string", required = true, min = 1, doc = "what the archive of logs is called" },
    logs     = { type = "string", default = "", doc = "the directory of the failed version's logs; empty keeps none" },
    archive  = { type = "string", default = ".", doc = "the directory that keeps the archive" },
    bake     = { type = "duration", default = "5m", doc = "how long half of the traffic is watched" },
    every    = { type = "duration", default = "30s", doc = "the window of one measurement" },
    channel  = { type = "string", default = "deployments", doc = "where to tell people; empty tells nobody" },
  },
  locks           = { "traffic/web" },
  on_failure      = "ask",
  recovery_target = "15m",
}

local files, health, traffic = require "files", require "health", require "traffic"
local policy, tell = require "lib.policy", require "lib.people".tell

local from, to = params.from, params.to

-- What made people decide on this, for its report. That it cannot be measured keeps
-- nobody from rolling back.
step("what is wrong with " .. from, function()
  local measured, seen = pcall(health.evaluate, { env = from, window = params.every, critical = policy.critical, warning = policy.warning })
  if not measured then return log.warn(from .. " could not be measured: " .. tostring(seen)) end
  for _, alert in ipairs(seen.alerts) do log.warn(alert.severity .. ": " .. alert.summary) end
end)

step("half of the traffic to " .. to, function()
  health.check { env = to }
  traffic.split { [to] = 50, [from] = 50 }
  health.watch { env = to, during = params.bake, every = params.every, slo = policy.critical, warning = policy.warning }
end)

step("all traffic to " .. to, function()
  traffic.split { [to] = 100, [from] = 0 }
  health.watch { env = to, during = params.every, every = params.every, slo = policy.critical, warning = policy.warning }
end)

if params.logs ~= "" then
  step("keep the logs of " .. from, function()
    files.archive { paths = { params.logs }, to = params.archive .. "/" .. params.incident .. ".tar.gz" }
  end)
end

tell(params.channel, params.incident .. ": rolled back as planned; " .. to .. " serves all traffic. Report: runbook report " .. run.id .. " --kind rollback")
