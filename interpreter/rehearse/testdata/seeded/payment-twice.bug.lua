-- A request is sent again after its answer was lost, and nothing says that it is the same.
runbook { name = "payment-twice" }
local http = require "http"
http.request { url = "https://pay.example.net/refunds", method = "POST", json = { order = 7 }, recovery = "retry" }
