"""The networks of a model as ONNX graphs, built from its weights and run without torch."""
