local traffic = require "traffic"
runbook { name = "bad" } -- error: belongs at the top of the main script
local friend = require "lib.friend"
local bad = { at = now() } -- error: now may not be called while a file is being required
traffic.switch { to = "x" } -- error: traffic\.switch may not be called while a file is being required
function bad.go() traffic.swich { to = params.nothing } end -- error: did you mean "switch"\? -- error: params\.nothing is not declared
function bad.stay() return friend end
log.info("loaded") -- error: log\.info may not be called while
return bad
