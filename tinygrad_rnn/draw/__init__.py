"""Pictures of unrolled networks and of any computation graph."""

__all__: list[str] = []
