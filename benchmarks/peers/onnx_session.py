"""ONNX Runtime: one inference session on the CPU. It has no training."""

import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from benchmarks.peers.base import Peer

OPERATORS = {"relu": "Relu", "sigmoid": "Sigmoid", "softmax": "Softmax"}
OPSET, IR = 17, 8  # old enough for every onnxruntime that the extra allows


def graph(task):
    """Return the network as an ONNX model: a Gemm and an activation a layer."""
    nodes, constants, name = [], [], "X"
    for layer, (W, b) in enumerate(zip(*task.initial(), strict=True)):
        constants += [
            numpy_helper.from_array(W, f"W{layer}"),
            numpy_helper.from_array(b, f"b{layer}"),
        ]
        nodes.append(helper.make_node("Gemm", [name, f"W{layer}", f"b{layer}"], [f"z{layer}"]))
        name = f"z{layer}"
        function = task.output if layer == len(task.layers) - 2 else task.activation
        if function in OPERATORS:
            nodes.append(helper.make_node(OPERATORS[function], [name], [f"a{layer}"]))
            name = f"a{layer}"
    element = TensorProto.DOUBLE if task.dtype == "float64" else TensorProto.FLOAT
    ends = [
        helper.make_tensor_value_info(end, element, ["n", size])
        for end, size in (("X", task.layers[0]), (name, task.layers[-1]))
    ]
    body = helper.make_graph(nodes, "mlp", ends[:1], ends[1:], constants)
    return helper.make_model(body, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR)


class OnnxSession(Peer):
    """``InferenceSession.run``, all optimizations on."""

    def versions(self):
        """Return the versions of the runtime and of the format's library."""
        return {"onnxruntime": onnxruntime.__version__, "onnx": onnx.__version__}

    def start_prediction(self, task):
        """Make the session."""
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = self.threads
        options.inter_op_num_threads = 1
        self.X = task.data
        self.session = onnxruntime.InferenceSession(
            graph(task).SerializeToString(), options, providers=["CPUExecutionProvider"]
        )

    def predict(self):
        """Return the outputs."""
        return self.session.run(None, {"X": self.X})[0]
