"""The figures of docs/reading.md are those that the benchmark printed."""

from conftest import PROJECT


def test_the_table_of_the_docs_is_what_the_benchmark_recorded():
    recorded = (PROJECT / "tests/benchmarks/results/reading.txt").read_text()
    assert recorded.strip() in (PROJECT / "docs/reading.md").read_text()
    assert recorded.count("\n") > 20
