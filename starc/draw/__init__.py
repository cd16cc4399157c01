"""Pictures: an architecture (SVG), and |T(x)| of one of its LIVs (SVG or PNG)."""

from starc.draw.architecture import architecture
from starc.draw.heading import heading
from starc.draw.picture import Picture, picture

__all__ = ["Picture", "architecture", "heading", "picture"]
