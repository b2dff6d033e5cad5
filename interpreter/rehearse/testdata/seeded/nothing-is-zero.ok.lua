runbook { name = "quota-by-use", summary = "Hold a service to what it uses", locks = { "http/quota" }, on_failure = "rollback" }
local http, health = require "http", require "health"
local url = "https://quota.example.org/services/accounts"

local was = http.request { url = url }.json.limit
local used = health.measure { env = "accounts", window = "5m" }.throughput
if not used or used == 0 then fail "nobody knows what accounts uses" end
local limit = math.ceil(used * 1.5)
http.request { url = url, method = "PUT", json = { limit = limit }, recovery = "retry",
  undo = function() http.request { url = url, method = "PUT", json = { limit = was }, recovery = "retry" } end }
health.watch { env = "accounts", during = "2m", every = "1m", slo = { error_rate = "< 0.5%" } }
