return { world = { ipfs = { nodes = { main = { pins = { "bafybeigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi" } }, spare = {} } } } }
