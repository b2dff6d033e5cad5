-- A queue is deleted with what waits in it: its depth is read, and decides nothing.
runbook { name = "retire-queue", locks = { "queue/orders" }, on_failure = "stop" }
local http = require "http"
local base = "https://mq.example.net/api/queues/shop/orders"
http.request { url = "https://mq.example.net/api/bindings/shop/orders", method = "DELETE", ok = { 204 } }
local depth
for _ = 1, 30 do
  depth = http.request { url = base }.json.messages
  if depth == 0 then break end
  sleep "1m"
end
if depth > 0 then fail("the queue does not empty") end
http.request { url = base, method = "DELETE", ok = { 204 } }
