return { world = {} }
