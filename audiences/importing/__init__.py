"""Rows of an import as a set: staged by COPY, told apart, applied in chunks, taken back.

`bodies` keeps the file, `opening` looks at it, `staging` reads it, `outcomes` tells rows apart for preview and import
alike, `applying` and `undoing` write, `said_again` and `said_fields` know whom and what a later file
said as well; `running` drives them in slices from the outbox.
"""
