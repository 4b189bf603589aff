"""`make pictures`: docs/pictures/*.png, of the running product: the hub with its stand-ins, clicked at by a script.

Needs Chromium with its driver and selenium (`make browser` installs it). Russian; as small as they can be read.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import httpx

from svyazka.cli.demo.stage import free_ports

ROOT = Path(__file__).resolve().parents[1]
OUT = ROOT / "docs" / "pictures"
WIDTH, SCALE = 1000, 1
SCENES = ("order", "lead", "order", "order_twice", "to_the_bot", "answer_lost", "order", "no_money", "order", "order")
"""What happens before anybody looks: enough for numbers that differ, and for cards that ask for somebody."""

PATIENCE = 90.0


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        taken(Path(folder))


def taken(folder: Path) -> None:
    """Start everything, let things happen, take the pictures, end everything."""
    hub, vendors, console = free_ports(3)
    (folder / "tenants").mkdir()
    for path in (ROOT / "tenants").glob("*.yaml"):
        text = path.read_text("utf-8").replace(":8081", f":{vendors}")
        (folder / "tenants" / path.name).write_text(text, "utf-8")
    svyazka = [sys.executable, "-m", "svyazka.cli", "--data", str(folder / "data")]
    command = [
        *svyazka, "run", "--with-simulators", "--port", str(hub), "--simulators-port", str(vendors),
        "--console-port", str(console), "--tenants", str(folder / "tenants"),
    ]  # fmt: skip
    with (folder / "log").open("wb") as log, subprocess.Popen(command, stdout=log, stderr=log, cwd=folder) as running:
        try:
            until(lambda: answers(f"http://127.0.0.1:{hub}/health") and answers(f"http://127.0.0.1:{console}/"))
            for scene in SCENES:
                httpx.post(f"http://127.0.0.1:{vendors}/play/do/{scene}", trust_env=False, timeout=30)
                time.sleep(1)
            time.sleep(8)
            asking = [*svyazka, "console", "--name", "Ольга"]
            link = subprocess.run(asking, capture_output=True, text=True, check=True).stdout.strip()
            photograph(link, f"http://127.0.0.1:{console}", f"http://127.0.0.1:{vendors}/play")
        finally:
            running.terminate()


def photograph(link: str, console: str, play: str) -> None:
    """The pages that a stranger should see."""
    browser = open_browser()
    try:
        browser.get(link)
        browser.find_element("css selector", "button.big").click()
        until(lambda: browser.find_elements("css selector", ".numbers"))
        take(browser, console, "first", 900)
        browser.find_element("css selector", "article a.button").click()
        until(lambda: browser.find_elements("css selector", "tbody a, ol.line"))
        found = browser.find_elements("css selector", "tbody a")
        story = found[0].get_attribute("href") if found else browser.current_url
        take(browser, story, "story", 900)
        take(browser, f"{console}/pictures", "pictures", 900)
        take(browser, play, "play", 900)
    finally:
        browser.quit()


def take(browser: Any, url: str, name: str, height: int) -> None:
    metrics = {"width": WIDTH, "height": height, "deviceScaleFactor": SCALE, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    browser.get(url)
    time.sleep(0.5)
    OUT.mkdir(parents=True, exist_ok=True)
    browser.save_screenshot(str(OUT / f"{name}.png"))


def open_browser() -> Any:
    driver = import_module("selenium.webdriver")
    options = driver.ChromeOptions()
    chromium = Path("/usr/lib/chromium/chromium")
    options.binary_location = str(chromium) if chromium.exists() else shutil.which("chromium")
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--hide-scrollbars", "--lang=ru"):
        options.add_argument(argument)
    options.add_experimental_option("prefs", {"intl.accept_languages": "ru"})
    return driver.Chrome(options=options, service=driver.ChromeService(shutil.which("chromedriver")))


def until(holds: Callable[[], object]) -> None:
    end = time.monotonic() + PATIENCE
    while not holds():
        if time.monotonic() > end:
            raise TimeoutError("the hub doesn't answer, or the page doesn't come")
        time.sleep(0.2)


def answers(url: str) -> bool:
    try:
        return httpx.get(url, trust_env=False).status_code in (200, 401)
    except httpx.HTTPError:
        return False


if __name__ == "__main__":
    os.chdir(ROOT)
    main()
