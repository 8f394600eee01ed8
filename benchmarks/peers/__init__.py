"""One module a library. A module is imported in the library's own process, and nowhere else."""

from importlib import import_module

from benchmarks.peers.base import Peer, UnsupportedError

# Chainrule thrice: as it chooses its threads, on one, and on all.
OWN = ("chainrule", "chainrule-1", "chainrule-all")

PEERS = {
    "chainrule": "benchmarks.peers.chainrule_network:ChainruleNetwork",
    "chainrule-1": "benchmarks.peers.chainrule_network:OnOneThread",
    "chainrule-all": "benchmarks.peers.chainrule_network:OnAllThreads",
    "numpy": "benchmarks.peers.numpy_by_hand:NumpyByHand",
    "sklearn": "benchmarks.peers.sklearn_mlp:SklearnMLP",
    "torch": "benchmarks.peers.torch_mlp:TorchEager",
    "torch.compile": "benchmarks.peers.torch_mlp:TorchCompiled",
    "jax": "benchmarks.peers.jax_mlp:JaxMLP",
    "onnxruntime": "benchmarks.peers.onnx_session:OnnxSession",
}

__all__ = ["OWN", "PEERS", "Peer", "UnsupportedError", "load"]


def load(name, threads):
    """Return the named library, imported and limited to that many threads."""
    module, _, cls = PEERS[name].partition(":")
    return getattr(import_module(module), cls)(threads)
