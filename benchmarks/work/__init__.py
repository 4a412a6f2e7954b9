"""The work that is measured: a function for each row, called with the contender and the blob endpoint.

Each checks the results that it times.
"""
