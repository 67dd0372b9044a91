"""Files of rows as they were at one moment.

columns: what a row can tell → rows: one statement over a selection → making: the file, stored piece by piece.
"""
