-- A credit whose answer was lost is given once more; a service that gets a key knows it.
runbook { name = "credit-twice", on_failure = "stop" }
local http = require "http"
http.request { url = "https://billing.example.net/credits", method = "POST", json = { customer = "c-17", cents = 500 }, recovery = "retry" }
