-- What closes the feature again is registered only once it was watched.
runbook { name = "open-refunds", locks = { "flags/refunds" }, on_failure = "rollback" }
local health, http = require "health", require "http"
local function flag(share) http.request { url = "https://flags.example.org/refunds", method = "PUT", json = { share = share } } end
flag(5)
health.watch { env = "refunds", during = "2m", every = "1m", slo = { error_rate = "< 1%" } }
on_rollback("close it", function() flag(0) end)
flag(100)
health.watch { env = "refunds", during = "2m", every = "1m", slo = { error_rate = "< 1%" } }
