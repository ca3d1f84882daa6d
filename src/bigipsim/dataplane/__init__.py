"""The data plane: real sockets that pass real traffic as the configured virtual servers say."""
