"""The cost model of docs/scale.md: bytes, operations, hours and dollars of a collection.

Its constants are of three kinds: counts, compared with the code by tests/test_cost_model.py; rows
that a step reads and writes, fitted to some of the measurements; and speeds, measured on one core
or, for a GPU, assumed from data sheets.
"""
