"""The keys of a deployment for a command line that was given none: from Secret Manager, by the operator's own right.

Functions never come here: the platform hands them their keys as environment variables.
"""

from __future__ import annotations

from google.api_core import exceptions
from google.auth.exceptions import DefaultCredentialsError, GoogleAuthError
from google.cloud.secretmanager_v1 import SecretManagerServiceClient

from svyazka.catalogue import _
from svyazka.engine.security.keyring import SECRET_NAMES, SecretName
from svyazka.engine.support.logs import log
from svyazka.model.errors import ConfigError

LIMIT = 15.0
"""Seconds for each secret."""


def secret_name(project: str, name: SecretName) -> str:
    """The newest version of one of our secrets, as Terraform makes them (infra/terraform/secrets.tf)."""
    return f"projects/{project}/secrets/svyazka-{name}/versions/latest"


def read_keys(project: str, client: SecretManagerServiceClient | None = None) -> dict[SecretName, str]:
    """Those keys that this operator may read, as `Keyring.from_json` takes them. Raises ConfigError for none at all."""
    try:
        client = client or SecretManagerServiceClient()
        found = {name: text for name in SECRET_NAMES if (text := _read(client, project, name))}
    except DefaultCredentialsError as error:
        raise ConfigError(_("no Google credentials here: `gcloud auth application-default login`")) from error
    except (GoogleAuthError, exceptions.GoogleAPICallError) as error:
        raise ConfigError(
            _("Secret Manager of {project} can't be read: {kind}", project=project, kind=type(error).__name__)
        ) from error
    if not found:
        raise ConfigError(
            _(
                "no key of {project} can be read: you need to be among Terraform's `operators`, and "
                "infra/keys.py puts the first versions in",
                project=project,
            )
        )
    return found


def _read(client: SecretManagerServiceClient, project: str, name: SecretName) -> str | None:
    try:
        version = client.access_secret_version(name=secret_name(project, name), timeout=LIMIT)
    except (exceptions.PermissionDenied, exceptions.NotFound, exceptions.FailedPrecondition) as error:
        # Not his to read, or no version that is enabled: what needs this key will say that it isn't there.
        log("WARNING", "no key", kind=name, error=type(error).__name__)
        return None
    return version.payload.data.decode()
