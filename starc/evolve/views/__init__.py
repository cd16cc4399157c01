"""What a person sees of a run: live, its front, one candidate."""
