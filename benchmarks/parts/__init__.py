"""Tables in parts beside Spark's MLlib and PyTorch's DistributedDataParallel."""
