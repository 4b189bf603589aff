"""Settings by environment, `SVYAZKA_...`; listed in docs/settings.md."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Everything that the environment decides."""

    model_config = SettingsConfigDict(env_prefix="SVYAZKA_", frozen=True)

    backend: Literal["local", "google"] = "local"
    data: Path = Path(".data")
    """Folder of the local backend: the database and, in files only their owner reads, the keys."""

    public_url: str = "http://127.0.0.1:8080"
    """How vendors reach us, for `urls` and for registering hooks."""

    alerts: str = ""
    """Who runs the installation: `tenant/connection:address`, several with commas."""

    speed: float = 1.0
    print_messages: bool = False

    project: str = ""
    region: str = "europe-west1"
    worker_url: str = ""
    worker_account: str = ""
    """E-mail of the service account whose identity the queue shows to the worker."""
    scheduler_account: str = ""

    mint_keys: str = ""
    verify_keys: str = ""
    vault_keys: str = ""
    """`{"1": "<base64>"}` each; on one machine they lie in the data folder."""
