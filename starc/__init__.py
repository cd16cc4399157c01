"""starc: from a STAR genome to a standalone PyTorch model, and back."""

__version__ = "0.1.0"
