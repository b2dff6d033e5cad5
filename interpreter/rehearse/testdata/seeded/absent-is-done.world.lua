return { world = { health = { search = { metrics = { backlog = function(_, elapsed) return elapsed > 300 and 0 or 500 end } } } } }
