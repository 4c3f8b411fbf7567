"""The sweep over sizes: what each bottleneck keeps, and which is worth having."""
