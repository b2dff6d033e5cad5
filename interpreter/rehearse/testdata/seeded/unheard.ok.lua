-- People are asked, and their answer is not looked at.
runbook { name = "unheard", locks = { "traffic/web" }, on_failure = "stop" }
local traffic = require "traffic"
traffic.split { blue = 90, green = 10 }
if pcall(approve, { title = "Go to green?", timeout = "1h" }) then
  traffic.switch { to = "green" }
else
  traffic.switch { to = "blue" }
end
