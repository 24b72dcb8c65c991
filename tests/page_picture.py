"""Take the picture of the results page in README.md: `python tests/page_picture.py`, after `make`. Needs Chromium.

Writes docs/page.png.
"""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

PROJECT = Path(__file__).parents[1]
sys.path[:0] = [str(PROJECT / folder) for folder in (".", "stages", "tools", "tests/page")]

from test_page import SEVEN, draw_with_mouse  # noqa: E402

from browser import open_browser  # noqa: E402

WINDOW = {"width": 1000, "height": 910, "deviceScaleFactor": 1, "mobile": True}


def main() -> None:
    with TemporaryDirectory() as profile, open_browser(Path(profile)) as page:
        page.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", WINDOW)
        page.get((PROJECT / "reports/index.html").as_uri())
        draw_with_mouse(page, SEVEN)
        page.execute_script("window.scrollTo({top: 0, behavior: 'instant'})")
        page.save_screenshot(str(PROJECT / "docs/page.png"))


if __name__ == "__main__":
    main()
