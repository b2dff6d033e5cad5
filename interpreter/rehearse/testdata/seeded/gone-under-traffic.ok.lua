-- An environment is removed while it serves. In May 2014 Joyent rebooted all servers of a data centre at once, those in
-- service included (Joyent: Postmortem for outage of us-east-1, 27 May 2014).
runbook { name = "gone-under-traffic", locks = { "traffic/web" }, on_failure = "stop" }
local deploy, traffic = require "deploy", require "traffic"
traffic.split { blue = 0, green = 100 }
sleep "1m"
deploy.decommission { env = "blue" }
