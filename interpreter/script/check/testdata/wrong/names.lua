runbook { name = "names" }
local used = 1
print(usd) -- error: usd is not defined; did you mean "used"\?
print(used)
count = 1 -- error: count would be a global.*write local count
print(count)
function helper() end -- error: the function helper would be a global.*write local function helper
helper()
prnt("x") -- error: did you mean "print"\?
traffic.split { green = 100 } -- error: traffic is not defined; write local traffic = require "traffic" at the top
os.exit(1) -- error: os is not defined; the time is now\(\)
print(later) -- error: later is not defined; the local later is declared only in line 13; move it up
local later = 1
print(later)
do
  local inside = 2
  print(inside)
end
print(inside) -- error: the local inside of line 16 ends with its block
local unused = 3 -- warning: the local unused is never used
local function idle() end -- warning: the local idle is never used
local a, b = pcall(print) -- warning: the local b is never used
print(a)
local _ignored = 4
step = nil -- error: step is part of the runbook's language
local function f()
  return undefined_thing -- error: undefined_thing is not defined
end
f()
print(tostrin(1), stirng.format("x")) -- error: tostrin is not defined -- error: stirng is not defined; did you mean "string"\?
