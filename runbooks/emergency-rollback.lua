-- Emergency rollback: all traffic back to the environment that worked, at once,
-- and a look whether it does. Within 30 seconds traffic is back.
--
--   runbook run emergency-rollback.lua --param to=blue

runbook {
  name    = "emergency-rollback",
  summary = "Move all traffic back at once, and verify it",
  params  = {
    to      = { type = "string", default = "blue", doc = "the environment that is to serve" },
    smoke   = { type = "list", of = "string", default = { "npm", "run", "test:smoke", "--", "--env={env}" }, doc = "empty leaves it out" },
    timeout = { type = "duration", default = "4m", doc = "bounds the smoke test" },
    channel = { type = "string", default = "deployments", doc = "where to tell people; empty tells nobody" },
  },
  locks           = { "traffic/web" },
  on_failure      = "ask",
  recovery_target = "30s",
}

local exec, health, traffic = require "exec", require "health", require "traffic"
local tell = require "lib.people".tell

local to = params.to

invariant.step("traffic is back within 30 seconds", function(_, after, effect)
  return effect.op ~= "traffic.switch" or after.elapsed <= 30, ("it took %.1f s"):format(after.elapsed)
end)

step("switch all traffic to " .. to, function()
  traffic.switch { to = to }
end)

step("verify " .. to, function()
  health.check { env = to, timeout = "20s" }
  if #params.smoke > 0 then
    local argv = {}
    for i, word in ipairs(params.smoke) do argv[i] = word:gsub("{env}", to) end
    exec.run { argv = argv, class = "read", timeout = params.timeout }
  end
end)

tell(params.channel, "emergency rollback: " .. to .. " serves all traffic, and is verified")
