"""Whole data sets, on engines that exist: PyArrow, Polars, Ray Data and Spark.

Each module has ``route``, which adds the columns ``model`` and ``win_rate`` to the rows, and ``embed``, which
adds ``embedding``; :mod:`routellm_rs.batch.spark` has both as ``pandas_udf`` as well. Prompts are a column of
texts, in which a null stays a null. The engine parts the rows and runs the workers. Each worker opens the
router once, from where it lies: every machine needs the artifact at the same path, or the router that is
compiled in.

The modules need their engine, which an extra of its name brings: ``pip install routellm-rs[ray]``.

>>> import pyarrow as pa
>>> from routellm_rs import Router
>>> from routellm_rs.batch import arrow
>>> table = pa.table({"prompt": ["What is 17 * 23?", None]})
>>> arrow.route(table, Router.default(), strong_share=0.3).column_names
['prompt', 'model', 'win_rate']
"""
