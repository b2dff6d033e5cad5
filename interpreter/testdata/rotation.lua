-- A secret is exchanged: read, replaced, handed out, tried, and the old one ended.
runbook { name = "rotation", summary = "Exchange a secret" }
local ledger = require "ledger"

local old = ledger.secret {}
step("the old one works", function() ledger.put_retry { item = "old works", token = old.value } end)
step("make a new one", function() ledger.put_observe { item = "rotate" } end)
local new = ledger.secret {}
parallel {
  a = function() ledger.put_observe { item = "hand a", token = new.value, note = new.version } end,
  b = function() ledger.put_retry { item = "hand b", token = new.value, note = new.version } end,
}
step("try both", function()
  ledger.put_ask { item = "new works", token = new.value }
  ledger.put_observe { item = "old works still", token = old.value }
end)
step("end the old one", function() ledger.put_retry { item = "revoke " .. old.version } end)
step("the new one works alone", function() ledger.put_observe { item = "done", token = new.value, note = old.version } end)
