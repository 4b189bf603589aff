"""`svyazka install`: the files of a server of one's own; twice is once, and nothing is overwritten in silence."""

from __future__ import annotations

from pathlib import Path

import pytest

from cli.conftest import Installation

FILES = (
    "etc/svyazka/environment",
    "etc/systemd/system/svyazka.service",
    "etc/caddy/svyazka.caddy",
    "etc/caddy/Caddyfile",
)


def install(hub: Installation, root: Path, *arguments: str, host: str = "hooks.example.org", status: int = 0) -> str:
    result = hub.svyazka("install", host, "--root", str(root), *arguments, status=status)
    return result.stdout + result.stderr


def contents(root: Path) -> dict[str, str]:
    return {str(path.relative_to(root)): path.read_text() for path in root.rglob("*") if path.is_file()}


def test_it_writes_the_unit_the_site_and_the_environment_and_says_what_is_left_to_do(
    bare: Installation, tmp_path: Path
) -> None:
    root = tmp_path / "root"
    said = install(bare, root)
    written = contents(root)
    assert set(written) == set(FILES)
    assert written[FILES[0]] == "SVYAZKA_DATA=/var/lib/svyazka\nSVYAZKA_PUBLIC_URL=https://hooks.example.org\n"
    assert "/svyazka run --port 8080 --tenants /etc/svyazka/tenants\n" in written[FILES[1]]
    assert "ReadWritePaths=/var/lib/svyazka\n" in written[FILES[1]]
    assert "hooks.example.org {\n    reverse_proxy 127.0.0.1:8080\n}\n" in written[FILES[2]]
    assert written[FILES[3]] == "import /etc/caddy/svyazka.caddy\n"
    assert "systemctl daemon-reload && systemctl enable --now svyazka" in said
    assert "install -d -o svyazka -g svyazka -m 700 /var/lib/svyazka" in said


def test_twice_is_once_and_a_dry_run_writes_nothing(bare: Installation, tmp_path: Path) -> None:
    root = tmp_path / "root"
    assert "reverse_proxy 127.0.0.1:8080" in install(bare, root, "--dry-run")
    assert not root.exists()
    install(bare, root)
    before = {path: path.stat().st_mtime_ns for path in root.rglob("*") if path.is_file()}
    assert install(bare, root).count("is as it has to be") == len(FILES)
    assert {path: path.stat().st_mtime_ns for path in root.rglob("*") if path.is_file()} == before


def test_what_is_there_is_changed_only_with_a_yes_and_what_is_not_ours_stays(
    bare: Installation, tmp_path: Path
) -> None:
    root = tmp_path / "root"
    environment, caddyfile = root / FILES[0], root / FILES[3]
    for path, text in (
        (environment, "SVYAZKA_ALERTS=kofe/sms:+79990000001\nSVYAZKA_PUBLIC_URL=https://old.example.org"),
        (caddyfile, ":80 {\n\troot * /usr/share/caddy\n}\n"),
    ):
        path.parent.mkdir(parents=True)
        path.write_text(text)
    before = contents(root)
    said = install(bare, root, status=1)
    assert "-SVYAZKA_PUBLIC_URL=https://old.example.org" in said
    assert contents(root) == before
    install(bare, root, "--yes")
    assert environment.read_text() == (
        "SVYAZKA_ALERTS=kofe/sms:+79990000001\nSVYAZKA_PUBLIC_URL=https://hooks.example.org\n"
        "SVYAZKA_DATA=/var/lib/svyazka\n"
    )
    assert caddyfile.read_text() == before[FILES[3]] + "\nimport /etc/caddy/svyazka.caddy\n"
    assert Path(f"{environment}.before").read_text() == before[FILES[0]]


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "hooks.example.org:8443", "a b.ru", "a-.ru", "x" * 300, ""])
def test_a_host_that_is_no_name_is_refused(bare: Installation, tmp_path: Path, host: str) -> None:
    assert "expected a name such as hooks.example.org" in install(bare, tmp_path / "root", host=host, status=2)


def test_a_cyrillic_name_is_written_as_dns_has_it(bare: Installation, tmp_path: Path) -> None:
    install(bare, tmp_path / "root", host="https://Хуки.рф/")
    assert "https://xn--h1ad0ah.xn--p1ai\n" in contents(tmp_path / "root")[FILES[0]]


def test_where_it_may_not_write_it_says_how(bare: Installation, tmp_path: Path) -> None:
    (tmp_path / "root").write_text("a file, no folder")
    assert "sudo " in install(bare, tmp_path / "root", status=1)
