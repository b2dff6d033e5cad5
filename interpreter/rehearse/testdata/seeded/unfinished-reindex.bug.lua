-- A service answers 202 and works on; the traffic goes where the work is not done.
runbook { name = "unfinished-reindex", locks = { "traffic/search" } }
local http, traffic = require "http", require "traffic"
on_rollback(function() traffic.switch { to = "blue" } end)
local base = "https://search.example.net/reindex"
http.request { url = base, method = "POST", key_header = "Idempotency-Key", ok = { 202 } }
http.request { url = "https://search.example.net/health" }
traffic.switch { to = "green" }
