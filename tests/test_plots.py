"""`dvc plots` in a real browser without a network: every plot of dvc.yaml, of both revisions."""

import hashlib
import re
import shutil

import pytest
import yaml

from fixtures import PROJECT, commit, edit_params, succeed

PAGE = PROJECT / ".dvc/plots/page.html"
SCRIPT = re.compile(rb'<script data-package="(.+?)" data-file=".+?" data-sha256="(.+?)">(.+?)</script>', re.DOTALL)


def declared(project) -> tuple[set[str], set[str]]:
    """Return the charts and the images that both pipelines declare."""
    pipelines = [yaml.safe_load((project / name).read_text()) for name in ("dvc.yaml", "reader/dvc.yaml")]
    stages = [stage for pipeline in pipelines for stage in pipeline["stages"].values()]
    outputs = {name for stage in stages for plot in stage.get("plots", []) for name in plot}
    charts = {name for pipeline in pipelines for plot in pipeline.get("plots", []) for name in plot}
    images = {name for name in outputs if name.endswith(".png")}
    return charts | (outputs - images), images


def test_the_page_carries_the_libraries_as_they_were_published_that_dvc_would_load_from_its_cdn():
    from dvc_render.vega import VegaRenderer

    packages = [package.decode() for package, _, _ in SCRIPT.findall(PAGE.read_bytes())]
    assert packages == ["vega@5.20.2", "vega-lite@5.2.0", "vega-embed@6.18.2"]
    assert all(f"npm/{package}" in VegaRenderer.SCRIPTS for package in packages)
    for _, digest, content in SCRIPT.findall(PAGE.read_bytes()):
        assert hashlib.sha256(content).hexdigest() == digest.decode()
    licences = (PAGE.parent / "LICENSES").read_text()
    assert all(package.replace("@", " ") in licences for package in packages)


@pytest.mark.slow
def test_every_plot_of_both_revisions_is_drawn_without_a_network(light, browser):
    shutil.copy(PROJECT / "stages/plot.py", light / "stages/plot.py")
    succeed(light, "dvc", "repro")
    commit(light, "figures")
    edit_params(light, {"train.epochs": 3, "eda.samples_per_digit": 2})
    succeed(light, "dvc", "repro")
    commit(light, "longer")
    succeed(light, "dvc", "plots", "diff", "HEAD~1", "HEAD", "--out", "plots")
    browser.get_log("browser")  # drops the messages of earlier pages
    browser.get((light / "plots/index.html").as_uri())
    charts, images = declared(light)
    drawn = browser.execute_script("return document.querySelectorAll('.vega-embed canvas').length")
    assert drawn == len(charts) > 0
    loaded = browser.execute_script("return [...document.images].filter(image => image.naturalWidth > 0).length")
    assert loaded == 2 * len(images) > 0
    requested = browser.execute_script("return performance.getEntriesByType('resource').map(entry => entry.name)")
    assert all(name.startswith("file:") for name in requested)
    assert [entry["message"] for entry in browser.get_log("browser") if entry["level"] == "SEVERE"] == []
    divisions = re.split(r'<div id = "', (light / "plots/index.html").read_text())[1:]
    assert len(divisions) == len(charts)
    assert all(f'"rev": "{revision}"' in division for division in divisions for revision in ("HEAD~1", "HEAD"))


def test_a_row_without_an_accuracy_is_no_point_of_the_chart_rather_than_one_at_zero(browser, tmp_path):
    from dvc_render.vega import VegaRenderer

    stage = yaml.safe_load((PROJECT / "dvc.yaml").read_text())["stages"]["evaluate"]
    (plot,) = (plot[name] for plot in stage["plots"] for name in plot if name.endswith("robustness.csv"))
    rows = [{"accuracy": a, "confidence": "0.5", "rev": "HEAD"} for a in ("0.9", "0.0", "", "")]
    properties = {key: plot[key] for key in ("x", "y", "template", "title")}
    chart = VegaRenderer(rows, "robustness", **properties, template_dir=str(PROJECT / ".dvc/plots"))
    (tmp_path / "index.html").write_text(PAGE.read_text())
    browser.get((tmp_path / "index.html").as_uri())
    points = browser.execute_async_script(
        "const [spec, done] = arguments, box = document.body.appendChild(document.createElement('div'));"
        "vegaEmbed(box, spec, { renderer: 'svg' }).then(() => done(box.querySelectorAll('.role-mark path').length))",
        chart.get_filled_template(),
    )
    assert points == 2
