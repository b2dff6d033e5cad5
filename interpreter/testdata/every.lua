-- Every class and recovery, parallel branches that share a variable, a sleep,
-- a retry, a wait, and rollbacks. With params.fail the end fails.
runbook {
  name       = "every",
  summary    = "Do everything once",
  params     = { fail = { type = "bool", default = false } },
  locks      = { "crash/every" },
  on_failure = "rollback",
}

local ledger = require "ledger"
local names  = require "names"
local order  = ""

step("prepare", function()
  on_rollback("prepare", function()
    ledger.put_retry { item = "undo r1" }
    ledger.put_ask { item = "undo a1" }
  end)
  ledger.put_retry { item = names.retry, note = "n-" .. random(1000000) .. "-" .. now() }
  ledger.put_observe { item = "o1" }
  ledger.put_ask { item = "a1" }
  ledger.say { item = "hello" }
end)
checkpoint "prepared"

sleep "5ms"
assert(ledger.look {}.items == 3)
retry { attempts = 3, wait = "1ms", function() ledger.flaky { item = "f1", fails = 1 } end }

step("side by side", function()
  on_rollback("side by side", function()
    parallel {
      x = function() ledger.put_observe { item = "undo x" } end,
      y = function() ledger.put_retry { item = "undo y", note = "m-" .. order } end,
    }
  end)
  local function branch(name, put)
    return function()
      put { item = name .. "1" }
      order = order .. name
      ledger.look {}
      order = order .. name
      put { item = name .. "2", note = "m-" .. order }
      order = order .. name
    end
  end
  parallel { b = branch("b", ledger.put_retry), c = branch("c", ledger.put_observe), d = branch("d", ledger.put_retry) }
end)
ledger.put_retry { item = "order", note = "m-" .. order }
ledger.look { note = "n-" .. random(1000000) .. "-" .. now() }

local looks = 0
wait { title = "the third look", every = "10ms", timeout = "1h", until_ = function()
  ledger.look {}
  looks = looks + 1
  return looks == 3, looks .. " of 3"
end }

if params.fail then
  ledger.put_observe { item = "last", need = "nothing" }
end
