"""The tests: what lives where, and how to run them.

``pytest -n 5`` runs all of them in five processes, ``pytest -n 3 -m "not browser and not slow"`` those of the daily
loop, and ``pytest tests/frames/test_decode.py`` one file. ``--hypothesis-profile=long --timeout=0`` tries fifty times
as many examples of every property.

A folder holds the tests of the part of the package that bears its name, and a file those of a module, or of what
several modules of that part do together: what ``bucketsnb/frames/decode.py`` does is in ``frames/test_decode.py``, what
viewers make of frames in ``frames/test_viewers.py``. A module at the top of the package has its tests at the top of
this folder or in a folder of its own name. The other folders hold what no one part answers for:

browser
    A person at work in JupyterLab, Notebook 7, Voila and marimo, and behind a JupyterHub, in a real Chromium. All of it
    shares one of each.
contract
    What the service promises, asked by plain HTTP and by the public clients, on each kind of store.
hardening
    What must hold whatever comes: hostile text and services, kills, interruptions, full disks, memory.
model
    Works that the public client itself judges: what it reads, the package accepts, and nothing else.
notebooks
    The notebooks that are shipped, run from top to bottom in a real kernel.
soak
    Several users on one service that fails on demand, for as long as is asked: ``python -m tests.soak``.
supply
    The versions and packages that the project depends on: ``python -m tests.supply``.
benchmarks
    How long and how large things are: ``python -m tests.benchmarks``.

What many tests stand on: ``conftest.py`` (an empty home, a backend, a client), ``factory.py`` (works), ``stub.py`` (a
service that misbehaves on order), ``engine.py`` (a MongoDB-protocol server), ``modules.py`` (the package's modules),
``budget.py`` (how many examples a property is tried on), ``cached.py`` (what is installed once and kept).

A test's name says one belief in one sentence. None asserts how fast something was: a limit of time only tells a hang,
and is many times what a busy machine needs. Two marks leave tests out: ``browser`` (wants a Chromium) and ``slow``
(starts kernels, servers or clients of its own, or tries very many cases).
"""
