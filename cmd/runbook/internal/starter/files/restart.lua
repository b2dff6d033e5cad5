-- A first runbook. The commands only print; put your own in their place.
--   runbook check restart.lua                                     finds mistakes, runs nothing
--   runbook run restart.lua --param service=web --dry-run         shows the plan, changes nothing
--   runbook explore restart.lua --param service=web               fails and crashes it at every effect
--   runbook run restart.lua --param service=web                   carries it out
runbook {
  name       = "restart",
  summary    = "Restart a service, and put it back when it does not come up",
  params     = {
    service = { type = "string", required = true, pattern = "^[a-z][a-z0-9-]*$", doc = "which service" },
    settle  = { type = "duration", default = "2s", doc = "how long it may take to come up" },
  },
  locks      = { "services" },   -- no two of these at once
  on_failure = "rollback",
}

local exec = require "exec"

local function run(what, class)
  -- class and recovery say what a crash in the middle means: this command may
  -- be run again.
  exec.run { argv = { "echo", what, params.service }, class = class, recovery = "retry" }
end

step("note what runs now", function()
  run("status of", "read")
end)

step("restart", function()
  -- Registered before the change, so that the change can always be taken back.
  on_rollback("start what ran before", function() run("start the old", "write") end)
  run("restart", "write")
  sleep(params.settle)
end)

step("it came up", function()
  run("check", "read")
end)

log.info(params.service .. " was restarted")
