-- After a deployment: endpoints, integration tests and service levels are looked at
-- by programs, what users and admins do by people.
--
--   runbook run post-deployment.lua --params endpoints.yaml

runbook {
  name    = "post-deployment",
  summary = "See that what was deployed works, and keep the proof",
  params  = {
    endpoints = { type = "list", of = "string", required = true, min = 1, doc = "health endpoints, each of which has to answer 200" },
    env       = { type = "string", default = "green", doc = "the environment that serves" },
    tests     = { type = "list", of = "string", default = { "npm", "run", "test:integration:production", "--silent" },
                  doc = "the integration tests; they print {\"passed\": n, \"failed\": n}" },
    failures  = { type = "percent", default = "2%", doc = "how many of them may fail" },
    test_timeout = { type = "duration", default = "1h", doc = "bounds them" },
    during    = { type = "duration", default = "1h", doc = "how long the service levels are watched" },
    every     = { type = "duration", default = "30s", doc = "the window of one measurement" },
    saturation = { type = "bool", default = false, doc = "whether cpu_usage and memory_usage are watched, too: queries of the configuration" },
    testers   = { type = "list", of = "string", default = {}, doc = "who goes through what users do; anyone if empty" },
    admins    = { type = "list", of = "string", default = {}, doc = "who goes through what admins do; anyone if empty" },
  },
  on_failure = "stop",
}

local exec, health, http = require "exec", require "health", require "http"
local policy = require "lib.policy"

local function who(names) return #names > 0 and names or nil end

step("health endpoints", function()
  for _, url in ipairs(params.endpoints) do http.request { url = url, method = "GET", ok = { 200 } } end
end)

step("integration tests", function()
  local r = exec.run { argv = params.tests, class = "read", json = true, timeout = params.test_timeout }
  local all = r.json.passed + r.json.failed
  local share = 100 * r.json.failed / all
  if not (share < params.failures) then
    fail { message = ("%d of %d tests failed, %.1f%%"):format(r.json.failed, all, share), hint = "fewer than " .. params.failures .. "% may" }
  end
end)

step("service levels of " .. params.env, function()
  local slo = params.saturation and policy.both(policy.slo, policy.saturation.warning) or policy.slo
  health.watch { env = params.env, during = params.during, every = params.every, slo = slo }
end)

checklist { title = "What users do", by = who(params.testers), items = {
  "registration and authentication", "file upload and download", "payment", "sending and receiving messages", "marketplace transactions",
} }

checklist { title = "What admins do", by = who(params.admins), items = {
  "monitoring dashboards are accessible", "log aggregation works", "alert notifications arrive", "backups run",
} }
