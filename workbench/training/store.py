"""The files of a run directory that other jobs do not have (those of every job: `workbench.jobs.files`).

========================  ============================================  ==========================
file                      what it holds                                 who writes it
========================  ============================================  ==========================
``recipe.json``           everything that decides the run               ``train``, then the worker
``metrics.jsonl``         one JSON object per line, appended            the worker
``checkpoints/``          one folder per checkpoint                     the worker
``manifest.json``         versions, device, data checksum, splits       the worker
``evaluation-*.json``     scores of a finished evaluation               ``Run.evaluate``
========================  ============================================  ==========================
"""

from __future__ import annotations

RECIPE = "recipe.json"
METRICS = "metrics.jsonl"
CHECKPOINTS = "checkpoints"
MANIFEST = "manifest.json"
