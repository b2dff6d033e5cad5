-- People are asked, and their answer is not looked at.
runbook { name = "unheard", locks = { "traffic/web" }, on_failure = "stop" }
local traffic = require "traffic"
pcall(approve, { title = "Go to green?", timeout = "1h" })
traffic.switch { to = "green" }
