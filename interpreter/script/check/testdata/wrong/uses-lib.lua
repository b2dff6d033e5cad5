runbook { name = "uses-lib" }
local bad = require "lib.bad"
local broken = require "lib.broken"
bad.go(broken)
