-- Maintenance: within its window, or as an emergency change that the right person
-- agrees to; host by host, with a look at the service before and after each. Where the
-- window closes meanwhile, no further host is begun unless the policy's people agree:
-- if they say no, or nothing in time, what was changed is taken back.
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

local rules = { open = { policy.windows[params.kind] }, freezes = policy.freezes, needs = params.needs,
  outside = params.wait and "wait" or "refuse", closed = "ask", by = policy.overrun.by, timeout = policy.overrun.timeout }
rules.detail = table.concat(params.command, " ") .. "; taken back by " .. table.concat(params.undo, " ")
if params.emergency ~= "" then
  rules.outside, rules.by, rules.timeout = "ask", { policy.emergency[params.emergency] }, nil
  rules.title = "an emergency change: " .. params.emergency
end
window(rules)

step("see that " .. params.env .. " is well", function()
  health.check { env = params.env }
end)

tell(params.channel, "maintenance begins: " .. table.concat(params.command, " "))

on_rollback("tell that it was taken back", function()
  tell(params.channel, "maintenance was taken back")
end)
for _, host in ipairs(hosts.list { on = params.on }.hosts) do
  step("change " .. host.name, function()
    on_rollback("take back the change of " .. host.name, function()
      retry { attempts = 3, any = true, wait = "10s", function()
        hosts.run { on = { host.name }, argv = params.undo, class = "write", recovery = "retry", timeout = params.timeout }
      end }
    end)
    hosts.run { on = { host.name }, argv = params.command, class = "write", recovery = "retry", timeout = params.timeout }
    health.watch { env = params.env, during = params.every, every = params.every, slo = policy.warning }
  end)
end

tell(params.channel, "maintenance is over: " .. params.env .. " is well")
