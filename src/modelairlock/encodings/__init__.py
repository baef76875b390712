"""How bytes nest, without meaning: pickle opcodes, zip directories, tar headers, compressed streams, literals."""
