"""The web page that decodes .vqz files: the walk and the networks in WebAssembly, the rest in JavaScript.

`index.html` and what it loads are static files. The C source of `vqzip.wasm` is in `source/`, and
`python -m tools.web.build` compiles it.
"""
