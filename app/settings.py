"""The one settings class. Every value comes from the environment (or from `plp demo`, which makes its own)."""

from urllib.parse import urlsplit

from pydantic import SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


def check_address(dsn: str) -> None:
    """Raise `ValueError` for what cannot be the address of a PostgreSQL database; the text does not repeat it."""
    try:
        parts = urlsplit(dsn)
        is_address = parts.scheme in ("postgresql", "postgres") and (parts.port is None or parts.port > 0)
    except ValueError:
        is_address = False
    if not is_address:
        raise ValueError("must be the address of a PostgreSQL database: postgresql://role:password@host:5432/name")


class Settings(BaseSettings):
    """What a running process needs to know. Names in the environment are the field names in capitals."""

    model_config = SettingsConfigDict(extra="ignore")

    database_url: SecretStr
    """PostgreSQL as role plp_app: serves requests under row-level security."""
    migration_database_url: SecretStr | None = None
    """PostgreSQL as role plp_owner: `plp migrate` only."""
    system_database_url: SecretStr | None = None
    """PostgreSQL as role plp_system: the event sequencer. Without it this process numbers no events."""
    secret_key: SecretStr
    """At least 32 characters. Everything derived (cursors, refresh tokens, sealed keys) hangs on it."""

    public_url: str = "http://127.0.0.1:8000"
    allowed_origins: tuple[str, ...] = ()
    """Browser origins besides `public_url`'s own, exact, e.g. ["https://app.school.example"]."""

    body_limit: int = 1 << 20
    """Largest request body, in bytes."""
    pool_size: int = 10
    pool_overflow: int = 5
    pool_timeout: float = 1.0
    """Seconds a request waits for a connection before it is answered 503."""
    connect_timeout: float = 1.0
    statement_timeout: float = 1.5
    """Seconds; a little later our side gives up on a database that does not even cancel."""
    answer_within: float = 1.9
    """Seconds after which a request is answered 503 if the database has not answered, whatever it waits for."""
    lock_timeout: float = 1.0
    idle_in_transaction_timeout: float = 10.0
    sequencer_interval: float = 0.1
    """Seconds between two looks of the sequencer for events without a number."""
    looks_kept: int = 2000
    """How many reads may wait to be written to the access log; the next one writes them itself, or is answered 503."""
    looks_interval: float = 0.5
    """Seconds between two writes of the access log; a crash loses what was read since the last."""
    hash_wait: float = 2.0
    """Seconds a sign-in waits for a free core before it is answered 503."""
    log_level: str = "info"

    @field_validator("secret_key")
    @classmethod
    def _long_enough(cls, value: SecretStr) -> SecretStr:
        if len(value.get_secret_value()) < 32:
            raise ValueError("SECRET_KEY must have at least 32 characters")
        return value

    @field_validator("database_url", "migration_database_url", "system_database_url")
    @classmethod
    def _is_address(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            check_address(value.get_secret_value())
        return value

    @property
    def is_https(self) -> bool:
        return self.public_url.startswith("https://")

    @property
    def issuer(self) -> str:
        return self.public_url.rstrip("/")
