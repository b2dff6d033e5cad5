-- Branches that fail while others are in effects, sleeps, questions and branches
-- of their own; every write registers its undoing straight after.
runbook { name = "failfast", summary = "Fail side by side", on_failure = "rollback" }

local ledger = require "ledger"

local function put(op, item, note)
  ledger[op] { item = item, note = note }
  on_rollback(item, function() ledger.put_retry { item = "undo " .. item } end)
end

local ok, e = pcall(parallel, {
  a = function() put("put_retry", "a1") error { message = "a fails" } end,
  b = function() put("put_observe", "b1") sleep "1h" put("put_retry", "b2") end,
  c = function()
    pcall(parallel, {
      x = function() sleep "1h" put("put_retry", "x1") end,
      y = function() put("put_observe", "y1") sleep "1h" put("put_retry", "y2") end,
    })
    put("put_retry", "c1")
  end,
  d = function() approve { title = "nobody answers" } put("put_retry", "d1") end,
})
put("put_ask", "after", e.message)

local order = ""
local function one(name) return function() put("put_retry", name) order = order .. name end end
parallel { limit = 2, one "k", one "l", one "m", one "n" }
put("put_retry", "order", order)

parallel {
  p = function() put("put_retry", "p1") fail "p fails" end,
  q = function() for i = 1, 4 do put("put_observe", "q" .. i) end end,
  r = function() for i = 1, 4 do put("put_ask", "r" .. i) end end,
}
