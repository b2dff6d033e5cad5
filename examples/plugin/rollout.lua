runbook {
  name       = "rollout",
  summary    = "Give a feature flag to everybody, a few first",
  params     = { flag = { type = "string", required = true }, bake = { type = "duration", default = "10m" } },
  locks      = { "flags/all" },
  on_failure = "rollback",
}

local flags = require "flags"

local before = flags.get { flag = params.flag }.percent
on_rollback(function() flags.set { flag = params.flag, percent = before } end)
for _, percent in ipairs { 1, 10, 50, 100 } do
  step("give it to " .. percent .. "%", function()
    flags.set { flag = params.flag, percent = percent }
    sleep(params.bake)
  end)
end
