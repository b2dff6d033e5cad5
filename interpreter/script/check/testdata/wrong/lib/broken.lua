local broken = {}
function broken.go()
  if true then
    print("x")
end
return broken -- error: an "end", "}" or "\)" is missing
