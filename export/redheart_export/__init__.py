"""Models for other runtimes: each checkpoint group as an ONNX graph, and the engine that answers with them."""
