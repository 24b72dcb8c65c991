"""The figures of a page are those that the benchmark printed."""

import pytest

from fixtures import PROJECT


@pytest.mark.parametrize(
    ("page", "result", "lines"),
    [
        ("reading.md", "reading.txt", 20),
        ("cluster.md", "avx512/cluster.txt", 8),
        ("speed.md", "avx512/kernels.txt", 14),
        ("speed.md", "avx512/pipeline.txt", 16),
        ("speed.md", "avx512/shortcuts.txt", 6),
    ],
)
def test_the_table_of_a_page_is_what_the_benchmark_recorded(page, result, lines):
    recorded = (PROJECT / "tests/benchmarks/results" / result).read_text()
    assert recorded.strip() in (PROJECT / "docs" / page).read_text()
    assert recorded.count("\n") > lines
