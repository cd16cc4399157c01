"""The recurrent block of Griffin: a gated diagonal recurrence (RG-LRU)."""
