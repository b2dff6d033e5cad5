-- Maintenance: within its window, or as an emergency change that the right person
-- agrees to; host by host, with a look at the service before and after.
--
--   runbook run maintenance.lua --param kind=weekly --params patches.yaml
--   runbook run maintenance.lua --param emergency='security patch' --params patches.yaml

runbook {
  name    = "maintenance",
  summary = "Change hosts within a maintenance window, or as an emergency change",
  params  = {
    kind      = { type = "enum", values = { "weekly", "monthly" }, default = "weekly", doc = "which window" },
    emergency = { type = "enum", values = { "", "security patch", "critical bug fix" }, default = "", doc = "why it cannot wait for a window" },
    needs     = { type = "duration", default = "1h", doc = "how long it takes" },
    wait      = { type = "bool", default = false, doc = "whether to wait for the window" },
    on        = { type = "list", of = "string", required = true, min = 1, doc = "the hosts: names, groups, labels" },
    command   = { type = "list", of = "string", required = true, min = 1, doc = "what is to be done on each; it may run twice" },
    undo      = { type = "list", of = "string", required = true, min = 1, doc = "what takes it back: the rollback plan" },
    timeout   = { type = "duration", default = "30m", doc = "bounds each of them" },
    env       = { type = "string", default = "blue", doc = "the environment that is watched" },
    every     = { type = "duration", default = "30s", doc = "the window of one measurement" },
    channel   = { type = "string", default = "deployments", doc = "where to tell people; empty tells nobody" },
  },
  locks      = { "hosts/maintenance" },
  on_failure = "rollback",
}

local health, hosts = require "health", require "hosts"
local policy, tell = require "lib.policy", require "lib.people".tell

if params.needs > 3600 * tonumber(policy.longest[params.kind]:match("%d+")) then
  fail { message = "it needs longer than a " .. params.kind .. " maintenance may take, " .. policy.longest[params.kind], hint = "divide it, or take the monthly window" }
end

local rules = { open = { policy.windows[params.kind] }, freezes = policy.freezes, needs = params.needs, outside = params.wait and "wait" or "refuse" }
if params.emergency ~= "" then
  rules.outside, rules.by, rules.title = "ask", { policy.emergency[params.emergency] }, "an emergency change: " .. params.emergency
  rules.detail = table.concat(params.command, " ") .. "; taken back by " .. table.concat(params.undo, " ")
end
window(rules)

step("see that " .. params.env .. " is well", function()
  health.check { env = params.env }
end)

tell(params.channel, "maintenance begins: " .. table.concat(params.command, " "))

step("change the hosts", function()
  on_rollback("take the change back", function()
    retry { attempts = 3, any = true, wait = "10s", function()
      hosts.run { on = params.on, argv = params.undo, class = "write", recovery = "retry", timeout = params.timeout, limit = 1 }
    end }
    tell(params.channel, "maintenance was taken back")
  end)
  hosts.run { on = params.on, argv = params.command, class = "write", recovery = "retry", timeout = params.timeout, limit = 1 }
end)

step("see that " .. params.env .. " is still well", function()
  health.watch { env = params.env, during = params.every, every = params.every, slo = policy.warning }
end)

tell(params.channel, "maintenance is over: " .. params.env .. " is well")
