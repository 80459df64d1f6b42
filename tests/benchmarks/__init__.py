"""Speed and memory, side by side in one run: ``python -m tests.benchmarks`` prints ratios and asserts nothing.

Each group is a module here with a function ``lines(options)`` that yields a :class:`~tests.benchmarks.lines.Line` as
soon as it is measured. What is measured runs in a process of its own, and so does the server that it talks to.
"""
