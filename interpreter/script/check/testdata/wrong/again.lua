runbook { name = "again", summary = "requires itself" }
local again = require "again" -- error: require "again": that is the runbook itself, which would start again
step("one", function() log(again.text) end)
