-- People are told that the move is complete with its last change still to come; that fails, and nobody hears of it.
runbook { name = "told-before-last", locks = { "traffic/web", "dns/app" }, on_failure = "stop" }
local dns, notify, traffic = require "dns", require "notify", require "traffic"
notify.send { to = "ops", text = "Step 1 is done" }
traffic.switch { to = "green" }
notify.send { to = "ops", text = "The backup is complete, the name follows" }
dns.set { name = "app.example.net", type = "A", values = { "192.0.2.9" }, ttl = "1m" }
notify.send { to = "ops", text = "The move to green is complete" }
