-- The scenario says what is answered, and the answer that each request made something.
runbook { name = "refund", locks = { "shop/refunds" }, on_failure = "stop" }
local http = require "http"
retry { attempts = 3, wait = "1s", function()
  http.request { url = "https://shop.example.net/refunds", method = "POST", json = { order = "o-7", amount = 12 }, ok = { 201 }, recovery = "retry" }
end }
