if true then
  runbook { name = "hidden" } -- error: runbook\{\} must come first; move it to the top
end
