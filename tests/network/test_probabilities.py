import zipfile

import pytest

from common.errors import PipelineError
from contracts import archive
from fixtures import dense
from network import predict
from network.build import build


def test_a_damaged_archive_is_one_line(tmp_path):
    path = tmp_path / "model.keras"
    with pytest.raises(PipelineError, match=r"run `python stages/train\.py` first"):
        predict.load(path)
    archive.save(build(dense(6, 5), 10, 0), path)
    whole = path.read_bytes()
    for content in (b"", b"text", whole[:1000], whole[:-30], whole[:2000] + bytes(2000) + whole[4000:]):
        path.write_bytes(content)
        with pytest.raises(PipelineError, match="is not a (Keras archive|model that Keras .* opens)") as error:
            predict.load(path)
        assert "\n" not in str(error.value)


def test_an_option_of_a_later_keras_is_named_in_one_line(tmp_path):
    path = tmp_path / "model.keras"
    archive.save(build(dense(6, 5), 10, 0), tmp_path / "ours.keras")
    with zipfile.ZipFile(tmp_path / "ours.keras") as ours, zipfile.ZipFile(path, "w") as later:
        for name in ours.namelist():
            content = ours.read(name)
            if name == "config.json":
                content = content.replace(b'"use_bias": true', b'"use_bias": true, "future_option": 1')
            later.writestr(name, content)
    with pytest.raises(PipelineError, match="future_option") as error:
        predict.load(path)
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 400
