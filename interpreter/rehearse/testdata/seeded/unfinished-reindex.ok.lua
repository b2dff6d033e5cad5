-- A service answers 202 and works on; the traffic goes where the work is not done.
runbook { name = "unfinished-reindex", locks = { "traffic/search" } }
local http, traffic = require "http", require "traffic"
on_rollback(function() traffic.switch { to = "blue" } end)
local base = "https://search.example.net/reindex"
http.request { url = base, method = "POST", key_header = "Idempotency-Key", ok = { 202 } }
for n = 1, 30 do
  if http.request { url = base .. "/status" }.json.done then break end
  if n == 30 then fail("the reindexing does not end") end
  sleep "1m"
end
traffic.switch { to = "green" }
