"""What an editor asks about a `.star` text, and the server that answers it.

All but `server.py` and `protocol.py` are functions from a text and a place in it to an
answer, and know no protocol: a page in a browser uses them as they are. What they say
comes from the grammar, the tables of the alphabet and the catalogue of errors.
"""
