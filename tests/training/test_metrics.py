import pytest

from workbench.errors import FileError
from workbench.training.metrics import MetricsWriter, follow, read_metrics


@pytest.fixture
def path(tmp_path):
    return tmp_path / "metrics.jsonl"


def write(path, *losses, keep=None):
    with MetricsWriter(path, keep) as writer:
        for loss in losses:
            writer.append({"kind": "step", "loss": loss})
        return writer.position()


def test_lines_come_back_with_all_their_bits(path):
    write(path, 0.1 + 0.2, 1e-300)
    assert [line["loss"] for line in read_metrics(path)] == [0.1 + 0.2, 1e-300]


def test_a_torn_last_line_is_left_out_and_a_torn_middle_line_is_an_error(path):
    write(path, 1.0, 2.0)
    whole = path.read_bytes()
    for cut in range(1, len(whole)):
        path.write_bytes(whole[:cut])
        assert [line["loss"] for line in read_metrics(path)] == [1.0, 2.0][: whole[:cut].count(b"\n")]
    first, second = whole.splitlines(keepends=True)
    path.write_bytes(first[:-5] + b"\n" + second)
    with pytest.raises(FileError, match="byte 0"):
        read_metrics(path)


def test_resuming_cuts_the_file_back_to_what_the_checkpoint_recorded(path):
    kept = write(path, 1.0, 2.0)
    write(path, 3.0)
    path.write_bytes(path.read_bytes() + b'{"kind": "st')
    write(path, 4.0, keep=kept)
    assert [line["loss"] for line in read_metrics(path)] == [1.0, 2.0, 4.0]


def test_a_reader_is_given_only_what_is_new(path):
    assert follow(path).lines == []
    write(path, 1.0)
    first = follow(path)
    write(path, 2.0, 3.0)
    second = follow(path, first.cursor)
    assert [line["loss"] for line in second.lines] == [2.0, 3.0]
    assert not second.restarted
    assert follow(path, second.cursor).lines == []


@pytest.mark.parametrize("regrown", [0, 5])
def test_a_reader_notices_that_the_run_went_back(path, regrown):
    kept = write(path, 1.0)
    write(path, 2.0, 3.0)
    cursor = follow(path).cursor
    write(path, *(10.0 + i for i in range(regrown)), keep=kept)
    news = follow(path, cursor)
    assert news.restarted
    assert [line["loss"] for line in news.lines] == [1.0, *(10.0 + i for i in range(regrown))]
