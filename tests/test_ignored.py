import shutil

from dvc.repo import Repo

from fixtures import PROJECT

LEFT_BEHIND = (".DS_Store", "._fit.py", ".fit.py.swp", "fit.py~", "#fit.py#", "Thumbs.db", "fit.py.orig", "a.npy.part")
FOLDERS = (".ipynb_checkpoints", ".idea", "__pycache__")


def test_what_systems_and_editors_leave_in_a_folder_is_not_part_of_a_dependency(tmp_path):
    shutil.copy(PROJECT / ".dvcignore", tmp_path)
    with Repo.init(str(tmp_path), no_scm=True) as repo:
        (tmp_path / "room/page").mkdir(parents=True)
        for name in ("fit.py", "page/page.html", *LEFT_BEHIND):
            (tmp_path / "room" / name).touch()
        for name in FOLDERS:
            (tmp_path / "room" / name).mkdir()
            (tmp_path / "room" / name / "fit.py").touch()
        found = repo.dvcignore.find(repo.fs, str(tmp_path / "room"))
        assert sorted(found) == [str(tmp_path / "room" / name) for name in ("fit.py", "page/page.html")]
