"""Addresses and messages without secrets: what may be logged, stored and shown."""

import logging
from collections.abc import Iterable
from urllib.parse import quote, quote_plus

import httpx

# Names of query parameters that carry a key at some provider, beside those a client is built with.
SECRET_PARAMETERS = frozenset(
    {"access_token", "api_key", "api-key", "apikey", "auth", "key", "password", "secret", "signature", "token"}
)


def safe_url(url: httpx.URL | str, secret_parameters: Iterable[str] = ()) -> str:
    """An address without its user, its password and every parameter that carries a key."""
    address = httpx.URL(url)
    names = SECRET_PARAMETERS | {name.lower() for name in secret_parameters}
    for name in [name for name in address.params if name.lower() in names]:
        address = address.copy_remove_param(name)
    return str(address.copy_with(username="", password=""))


def redact(text: str, secrets: Iterable[str]) -> str:
    """A message in which every secret, quoted for an address or not, is replaced by stars."""
    forms = {
        form
        for secret in secrets
        if secret
        for form in (secret, quote(secret), quote(secret, safe=""), quote_plus(secret))
    }
    for form in sorted(forms, key=len, reverse=True):
        text = text.replace(form, "***")
    return text


class _SafeAddresses(logging.Filter):
    """httpx logs every address in full: its records keep what comes before the query, whatever a key is called."""

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple):
            record.args = tuple(
                safe_url(arg.copy_with(query=None)) if isinstance(arg, httpx.URL) else arg for arg in record.args
            )
        return True


def hide_addresses_from_logs() -> None:
    """Make httpx log safe addresses only, in this process."""
    logger = logging.getLogger("httpx")
    if not any(isinstance(found, _SafeAddresses) for found in logger.filters):
        logger.addFilter(_SafeAddresses())
