local servers = {}
for i = 1, 5 do servers["i-" .. i] = { weight = 20 } end
return { world = { traffic = { pools = { index = { servers = servers } } } } }
