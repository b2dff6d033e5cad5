-- Blue-green deployment: deploy and validate the new version beside the old
-- one, move traffic to it in steps while its service levels hold, watch it,
-- and take the old one away. Any failure before that moves all traffic back.
--
--   runbook run blue-green.lua --param version=v1.2.0
--
-- Commands are lists; {env} and {version} in them are filled in. An empty list
-- leaves the step out.

runbook {
  name    = "blue-green",
  summary = "Move traffic to a new version in steps, and back when it misbehaves",
  params  = {
    version = { type = "string", required = true, pattern = "^v%d+%.%d+%.%d+$", doc = "the version to deploy: v1.2.0" },
    old     = { type = "string", default = "blue", doc = "the environment that serves now" },
    new     = { type = "string", default = "green", doc = "the environment to deploy to" },

    deploy       = { type = "list", of = "string", default = { "./scripts/deploy-ecosystem.sh", "--env={env}", "--version={version}" } },
    smoke        = { type = "list", of = "string", default = { "npm", "run", "test:smoke", "--", "--env={env}" } },
    load_test    = { type = "list", of = "string", default = { "npm", "run", "test:load", "--", "--env={env}", "--duration=10m" } },
    decommission = { type = "list", of = "string", default = { "./scripts/decommission-environment.sh", "--env={env}" } },

    deploy_timeout = { type = "duration", default = "30m", doc = "bounds the deployment" },
    test_timeout   = { type = "duration", default = "30m", doc = "bounds each of smoke and load test" },
    ready_timeout  = { type = "duration", default = "5m", doc = "how long the new version may take to be healthy" },

    stages    = { type = "list", of = "int", default = { 10, 50, 100 }, min = 1, doc = "the new version's share, step by step; the last is 100" },
    bake      = { type = "duration", default = "15m", doc = "how long each share is watched" },
    every     = { type = "duration", default = "30s", doc = "the window of one measurement" },
    stability = { type = "duration", default = "1h", doc = "how long the new version is watched with all traffic" },
    keep      = { type = "duration", default = "24h", doc = "how long the old version stays for a quick rollback" },

    p99_latency = { type = "string", default = "< 200ms" },
    error_rate  = { type = "string", default = "< 0.1%" },
    uptime      = { type = "string", default = "> 99.9%" },

    approvers = { type = "list", of = "string", default = {}, doc = "who may agree to the deployment; anyone if empty" },
    approvals = { type = "int", default = 0, min = 0, doc = "how many others than who starts it have to agree; 0 asks nobody" },

    channel = { type = "string", default = "deployments", doc = "where to tell people; empty tells nobody" },
  },
  locks      = { "traffic/web" },
  on_failure = "rollback",
}

local exec, health, notify, traffic = require "exec", require "health", require "notify", require "traffic"

local old, new = params.old, params.new
local slo = { p99_latency = params.p99_latency, error_rate = params.error_rate, uptime = params.uptime }

-- A message that cannot be sent is no reason to move traffic back.
local function tell(text)
  if params.channel == "" then return end
  local sent, why = pcall(notify.send, { to = params.channel, text = text })
  if not sent then log.warn("nobody was told: " .. tostring(why)) end
end

local function command(template, environment)
  local argv = {}
  for i, word in ipairs(template) do
    argv[i] = word:gsub("{env}", environment):gsub("{version}", params.version)
  end
  return argv
end

local function watch(duration)
  health.watch { env = new, during = duration, every = params.every, slo = slo }
end

if params.stages[#params.stages] ~= 100 then
  fail { message = "the last stage is " .. params.stages[#params.stages] .. "%, not 100%", hint = "end stages with 100" }
end

if params.approvals > 0 then
  approve {
    title  = "deploy " .. params.version .. " to " .. new .. ", and move all traffic there?",
    by     = #params.approvers > 0 and params.approvers or nil, count = params.approvals, separate = true,
    detail = "traffic goes back to " .. old .. " by itself where " .. new .. " misbehaves; in the end " .. old .. " is taken away",
  }
end

-- Phase 1: prepare the new environment.

step("deploy " .. params.version .. " to " .. new, function()
  exec.run { argv = command(params.deploy, new), timeout = params.deploy_timeout, class = "write", recovery = "retry" }
end)

step("validate " .. new, function()
  health.wait { env = new, timeout = params.ready_timeout, every = "2s" }
  if #params.smoke > 0 then
    exec.run { argv = command(params.smoke, new), timeout = params.test_timeout, class = "read" }
  end
end)

if #params.load_test > 0 then
  step("load test " .. new, function()
    parallel {
      load = function()
        exec.run { argv = command(params.load_test, new), timeout = params.test_timeout, class = "read" }
      end,
      slo = function()
        watch(params.every)
      end,
    }
  end)
end

checkpoint "prepared"

-- Phase 2: switch traffic.

on_rollback("all traffic to " .. old, function()
  traffic.switch { to = old }
  health.check { env = old }
  tell(params.version .. " was rolled back; " .. old .. " serves all traffic")
end)

for i, share in ipairs(params.stages) do
  step("shift " .. share .. "% to " .. new, function()
    traffic.split { [new] = share, [old] = 100 - share }
    tell(params.version .. " serves " .. share .. "% of the traffic")
    if i < #params.stages then watch(params.bake) end
  end)
end

-- Phase 3: watch it, then take the old environment away.

step("watch " .. new .. " with all traffic", function()
  watch(params.stability)
end)

step("keep " .. old .. " for a quick rollback", function()
  sleep { duration = params.keep, reason = "until then a rollback is quick" }
end)

-- From here on there is no way back: the old environment may be half gone. A
-- failure is told, and moves no traffic.
local gone = ""
if #params.decommission > 0 then
  step("decommission " .. old, function()
    local done, why = pcall(exec.run, { argv = command(params.decommission, old), timeout = params.deploy_timeout, class = "irreversible" })
    gone = done and "; " .. old .. " is gone" or "; " .. old .. " could not be taken away, do it by hand"
    if not done then log.error(old .. " could not be taken away: " .. tostring(why)) end
  end)
end

tell(params.version .. " serves all traffic" .. gone)
