"""What is known to go wrong with versions of MindSpore; it need not be installed to be told."""

from __future__ import annotations

import pytest

from workbench.frameworks.mindspore._problems import known


@pytest.mark.parametrize(
    ("mindspore", "numpy", "flags", "environment", "remedies"),
    [
        ("2.8.0", "1.26.4", {"avx512f"}, {}, []),
        ("2.10.0", "1.26.4", {"avx2", "avx512f"}, {}, ["ONEDNN_MAX_CPU_ISA=AVX2"]),
        ("2.10.0", "1.26.4", {"avx512f"}, {"ONEDNN_MAX_CPU_ISA": "AVX2"}, []),
        ("2.9.0", "1.26.4", {"avx2"}, {}, []),
        ("2.8.0", "2.1.0", set(), {}, ["numpy<2"]),
        ("2.9.0", "2.0.0", {"avx512_vnni"}, {}, ["numpy<2", "ONEDNN_MAX_CPU_ISA=AVX2"]),
    ],
)
def test_what_goes_wrong_is_known_of_the_versions(mindspore, numpy, flags, environment, remedies):
    found = known(mindspore, numpy, flags, environment)
    assert len(found) == len(remedies)
    assert all(words in problem.remedy for words, problem in zip(remedies, found, strict=True))
