local traffic = require "traffic"
runbook { name = "bad" } -- error: belongs at the top of the main script
local bad = {}
function bad.go() traffic.swich { to = params.nothing } end -- error: did you mean "switch"\? -- error: params\.nothing is not declared
return bad
