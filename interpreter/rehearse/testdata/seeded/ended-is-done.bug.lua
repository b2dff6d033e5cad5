-- A job that is waited for ends, and nobody looks how: a failed one ends the wait too.
runbook { name = "reindex", locks = { "traffic/search" }, on_failure = "stop" }
local http, traffic = require "http", require "traffic"
http.request { url = "https://search.example.net/jobs/7", method = "PUT", json = { state = "wanted" } }
local state
repeat
  sleep "1m"
  state = http.request { url = "https://search.example.net/jobs/7" }.json.state
until state ~= "running"
traffic.switch { to = "green" }
