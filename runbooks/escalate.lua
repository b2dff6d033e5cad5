-- Escalation: whom a severity calls is called, one after the other, each in the
-- time of the matrix, until somebody takes it on.
--
--   runbook run escalate.lua --param level=P3 --param text='disk of web-1 is at 85%'
--
-- P0: 15 minutes, P1: 30 minutes, P2: 2 hours, P3: 24 hours. The runner may be
-- stopped meanwhile: a resume goes on with whom it has called.

runbook {
  name    = "escalate",
  summary = "Call whom a severity calls, one after the other, until somebody takes it on",
  params  = {
    level   = { type = "enum", values = { "P0", "P1", "P2", "P3" }, required = true, doc = "how bad it is" },
    text    = { type = "string", required = true, min = 1, doc = "what is wrong, in one line" },
    channel = { type = "string", default = "incidents", doc = "where to tell people; empty tells nobody" },
  },
  on_failure = "stop",
}

local notify = require "notify"
local policy, tell = require "lib.policy", require "lib.people".tell

step("call whom " .. params.level .. " calls", function()
  local called, why = pcall(function()
    local r = notify.escalate { levels = policy.levels[params.level], every = policy.looks[params.level], text = params.text, severity = policy.severity[params.level] }
    tell(params.channel, params.level .. ": " .. params.text .. ": taken on by " .. r.by .. " (" .. r.to .. ")")
  end)
  if not called then
    tell(params.channel, params.level .. ": " .. params.text .. ": nobody has taken it on")
    error(why, 0)
  end
end)
