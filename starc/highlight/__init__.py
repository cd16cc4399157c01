"""Colours of `.star` files elsewhere: one table of rules, for Pygments and TextMate.

It is made from the grammar's tables and those of the alphabet: a new keyword, LIV or
word of a parameter is coloured without a line here.
"""
