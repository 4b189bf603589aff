"""Settings by environment, `SVYAZKA_...`; listed in docs/settings.md."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from svyazka.catalogue import N_


class Settings(BaseSettings):
    """Everything that the environment decides."""

    model_config = SettingsConfigDict(env_prefix="SVYAZKA_", frozen=True)

    backend: Literal["local", "google"] = "local"
    data: Path = Path(".data")
    """Folder of the local backend: the database and, in files only their owner reads, the keys."""

    public_url: str = Field(
        default="http://127.0.0.1:8080",
        pattern=r"^https?://\S+$",
        description=N_("an address such as https://hooks.example.org"),
    )
    """How vendors reach us, for `urls` and for registering hooks."""

    alerts: str = ""
    """Who runs the installation: `tenant/connection:address`, several with commas."""

    speed: float = 1.0
    print_messages: bool = False

    allowed_networks: str = ""
    """Private networks into which addresses that tenants supplied may lead all the same: `127.0.0.0/8` for
    simulators on this machine, `192.168.1.0/24` for a system in the next room; several with commas."""

    rates: Literal["alone", "leased"] = "alone"
    """`alone`: this is the only worker process, and vendors' rates are its own. `leased`: several share them by the
    store."""

    project: str = ""
    region: str = "europe-west1"
    worker_url: str = ""
    worker_account: str = ""
    """E-mail of the service account whose identity the queue shows to the worker."""
    scheduler_account: str = ""
    ingest_account: str = ""
    """E-mail of the front door's service account: it may ask, and nothing else."""
    proxies: int = 0
    """Proxies in front of us, each of which adds to X-Forwarded-For: the front door counts by the address that the
    outermost of them saw."""
    console_host: str = ""
    """The domain under which browsers call the console's function."""
    console_audience: str = ""
    """Whom the identity-aware proxy signs for: `/projects/NUMBER/global/backendServices/ID`."""
    console_owners: str = ""
    """Google accounts of those who run the installation: owners of everything, several with commas."""
    proxy_keys_url: str = "https://www.gstatic.com/iap/verify/public_key"
    """Keys that prove what the proxy signs: Google's, or a stand-in's."""
    certs_url: str = "https://www.googleapis.com/oauth2/v1/certs"
    """Certificates that prove these identities: Google's, or a stand-in's."""
    tasks_url: str = "https://cloudtasks.googleapis.com"
    """Cloud Tasks as webhook functions call it (REST)."""
    tasks_grpc: str = ""
    """Cloud Tasks as the worker calls it, where it is a stand-in: host:port, without TLS."""
    bucket: str = ""
    """Cloud Storage's bucket for blobs: rows of files, proposals, reports, all of them sealed."""
    storage_url: str = ""
    """Cloud Storage where it is a stand-in."""

    mint_keys: str = ""
    verify_keys: str = ""
    vault_keys: str = ""
    """`{"1": "<base64>"}` each; on one machine they lie in the data folder."""
