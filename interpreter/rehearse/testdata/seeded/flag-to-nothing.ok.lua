-- The new ranking goes from a fifth of the users to all.
runbook { name = "ranking-rollout", locks = { "flag/ranking" }, on_failure = "rollback" }
local http, health = require "http", require "health"
local url = "https://flags.example.org/api/flags/ranking"

local before = http.request { url = url }.json.percent
log.info("ranking is at " .. before .. "%")
on_rollback("flag back", function() http.request { url = url, method = "PUT", json = { percent = before } } end)
for _, percent in ipairs { 50, 100 } do
  step("ranking for " .. percent .. "%", function()
    http.request { url = url, method = "PUT", json = { percent = percent } }
    health.watch { env = "search", during = "4m", every = "2m", slo = { error_rate = "< 1%", p99_latency = "< 500ms" } }
  end)
end
