"""The incremental machine from objects to desired state; it knows neither Kubernetes nor LTM's types."""
