return { world = { ipfs = {
  nodes = { old = { pins = { "bafysite", "bafydocs" } }, new = {} },
  content = { bafysite = { blocks = 20 }, bafydocs = { blocks = 4 } },
} } }
