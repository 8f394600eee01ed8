"""PyTorch's DistributedDataParallel over gloo: two processes, a thread each, rows in memory."""

import os
import statistics
import time
from itertools import pairwise


def _network(sizes, start):
    """Return the network with these starting weights."""
    import torch

    layers = []
    for (fan_in, fan_out), (W, b) in zip(pairwise(sizes), start, strict=True):
        layer = torch.nn.Linear(fan_in, fan_out)
        layer.weight.data[:], layer.bias.data[:] = torch.from_numpy(W.T), torch.from_numpy(b)
        layers += [layer, torch.nn.ReLU()]
    return torch.nn.Sequential(*layers[:-1])


def _work(rank, world, X, y, sizes, start, batch_size, epochs, warm, precision, told):
    import torch
    import torch.distributed as dist

    torch.set_num_threads(1)
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "29561"}
    dist.init_process_group("gloo", rank=rank, world_size=world)
    torch.manual_seed(rank)
    network = torch.nn.parallel.DistributedDataParallel(_network(sizes, start))
    optimizer = torch.optim.Adam(network.parameters(), lr=0.001)
    mine = slice(rank * len(X) // world, (rank + 1) * len(X) // world)
    X, y, share = torch.from_numpy(X[mine]), torch.from_numpy(y[mine]), batch_size // world
    moments, losses = [], []
    for _ in range(epochs):
        order = torch.randperm(len(X))
        for first in range(0, len(X) - share + 1, share):
            rows = order[first : first + share]
            with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bfloat16"):
                outputs = network(X[rows])
            loss = 0.5 * ((outputs.float() - y[rows]) ** 2).mean()
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            moments.append(time.perf_counter())
            losses.append(loss.item())
    dist.barrier()
    dist.destroy_process_group()
    if rank == 0:
        told.put(_figures(moments, losses, batch_size, epochs, warm))


def _figures(moments, losses, batch_size, epochs, warm):
    """Return what was measured, the first epochs left out of the rows a second."""
    steps = len(moments) // epochs
    took = [after - before for before, after in pairwise(moments)]
    seconds = moments[-1] - moments[warm * steps - 1]
    return {
        "rows_per_second": batch_size * (len(moments) - warm * steps) / seconds,
        "fastest": min(took),
        "median": statistics.median(took),
        "losses": [sum(losses[-steps:]) / steps],
    }


def steps(X, y, sizes, batch_size, epochs, warm, workers, precision):
    """Return rows a second, seconds of a step and the losses, of Adam; bfloat16 by autocast."""
    import torch.multiprocessing as processes

    import chainrule as cr

    network = cr.Network(list(sizes), seed=0)  # the same starting weights
    start = [(W.copy(), b.copy()) for W, b in zip(network.weights, network.biases, strict=True)]
    context = processes.get_context("spawn")
    told = context.SimpleQueue()
    arguments = (workers, X, y, sizes, start, batch_size, epochs, warm, precision, told)
    processes.spawn(_work, args=arguments, nprocs=workers, join=True)
    return told.get()
