"""The networks of a model as ONNX graphs, made from its weights, and what runs them without torch."""
