-- Status page: customers read what is the matter until it is over. An incident is
-- opened, the environment is awaited and watched, and the incident is resolved once
-- it has held. People who mend it run what they need beside this, and write into the
-- incident by its key (notify.publish, or the page itself).
--
--   runbook run status-page.lua --param incident=INC-9 --param title='Errors of the API' --param 'components=["API"]'

runbook {
  name    = "status-page",
  summary = "Tell customers of an incident, and of its end once the service has held",
  params  = {
    incident   = { type = "string", required = true, pattern = "^[%w%-]+$", doc = "what it is called: INC-9" },
    title      = { type = "string", required = true, min = 1, doc = "what customers read it is" },
    page       = { type = "string", default = "customers", doc = "the status page of the configuration" },
    components = { type = "list", of = "string", default = {}, doc = "the parts of the page that are affected" },
    state      = { type = "enum", values = { "degraded_performance", "partial_outage", "major_outage" }, default = "partial_outage", doc = "how they are" },
    env        = { type = "string", default = "blue", doc = "the environment that has to work" },
    patience   = { type = "duration", default = "4h", doc = "how long it may take to mend" },
    bake       = { type = "duration", default = "15m", doc = "how long it has to hold before customers read that it is over" },
    every      = { type = "duration", default = "30s", doc = "the window of one measurement" },
  },
  on_failure = "ask", -- the incident stays open until people say what customers shall read
}

local health, notify = require "health", require "notify"
local policy = require "lib.policy"

local function parts(state)
  local all = {}
  for _, name in ipairs(params.components) do all[name] = state end
  return all
end

step("open " .. params.incident .. " on the status page", function()
  notify.publish { to = params.page, key = params.incident, title = params.title, components = parts(params.state),
    text = "We see a problem and look into it. The next word follows here." }
end)

step("wait until " .. params.env .. " works", function()
  health.wait { env = params.env, timeout = params.patience, every = params.every }
end)

step("say that it is watched", function()
  notify.publish { to = params.page, key = params.incident, status = "monitoring", text = "The service works again. We watch whether it holds." }
end)

step("watch " .. params.env, function()
  health.watch { env = params.env, during = params.bake, every = params.every, slo = policy.critical, warning = policy.warning }
end)

step("say that it is over", function()
  notify.publish { to = params.page, key = params.incident, status = "resolved", components = parts "operational", text = "This is resolved." }
end)
