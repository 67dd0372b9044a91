"""Settings, in the order a request meets them. README.md lists every environment variable."""

import logging
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import environ
import sentry_sdk
from cryptography.fernet import Fernet
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured
from django.core.management.utils import get_random_secret_key
from redis.backoff import NoBackoff
from redis.retry import Retry

from accounts.redaction import redact_value
from config import addresses, embedded
from config.logs import logging_config

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()
environ.Env.read_env(BASE_DIR / ".env")

# -- Where we run --------------------------------------------------------------------------------------

DATABASE_URL = env.str("DATABASE_URL", default="")
REDIS_URL = env.str("REDIS_URL", default="")
if bool(DATABASE_URL) != bool(REDIS_URL):
    raise ImproperlyConfigured("Set both DATABASE_URL and REDIS_URL, or neither to use the embedded servers.")
# The two servers are ours to start.
SERVERS_EMBEDDED = not DATABASE_URL
# One machine, loopback only: demo people may log in, secrets keep themselves.
EMBEDDED = env.bool("EMBEDDED", default=SERVERS_EMBEDDED)
DEBUG = env.bool("DEBUG", default=False)

if SERVERS_EMBEDDED:
    DATABASE_URL = f"postgres://postgres@/{embedded.DATABASE}?host={embedded.SOCKETS}"
    REDIS_URL = f"unix://{embedded.VALKEY_SOCKET}?db=0"

if EMBEDDED:
    PUBLIC_URL = env.str("PUBLIC_URL", default="http://127.0.0.1:8000")
    SECRET_KEY = env.str("SECRET_KEY", default="") or embedded.secret("secret.key", get_random_secret_key)
    VAULT_KEYS: list[str] = env.list("VAULT_KEYS", default=[]) or [
        embedded.secret("vault.key", lambda: Fernet.generate_key().decode())
    ]
else:
    PUBLIC_URL = env.str("PUBLIC_URL")
    SECRET_KEY = env.str("SECRET_KEY")
    # newest first; without any, connections are locked but pages open
    VAULT_KEYS = env.list("VAULT_KEYS", default=[])
SECRET_KEY_FALLBACKS = env.list("SECRET_KEY_FALLBACKS", default=[])

PUBLIC_URL = PUBLIC_URL.rstrip("/")
HTTPS = PUBLIC_URL.startswith("https://")
SANDBOX_URL = env.str("SANDBOX_URL", default="http://127.0.0.1:8900")
# Values of this installation that join an account's credentials, by provider: its OAuth app at Mailmojo.
PROVIDER_APPS = {
    "mailmojo": {
        "client_id": env.str("MAILMOJO_CLIENT_ID", default=""),
        "client_secret": env.str("MAILMOJO_CLIENT_SECRET", default=""),
    },
}
# "workspace:value" pairs, by provider: for which workspace this installation's app may act for which account.
PROVIDER_ALLOTMENTS = {"mailmojo": [pair.strip() for pair in env.list("MAILMOJO_MANAGED", default=[])]}
ALLOWED_HOSTS = [urlsplit(PUBLIC_URL).hostname, *env.list("ALLOWED_HOSTS", default=[])]
if EMBEDDED:
    ALLOWED_HOSTS += ["127.0.0.1", "localhost", "[::1]"]

# -- Campanile -----------------------------------------------------------------------------------------

# host:port pairs outside the public internet that connections may reach
PRIVATE_ADDRESSES = env.list("PRIVATE_ADDRESSES", default=[])
if EMBEDDED:
    PRIVATE_ADDRESSES += [urlsplit(SANDBOX_URL).netloc]
# approvers and admins need a second factor
REQUIRE_TWO_FACTOR = env.bool("REQUIRE_TWO_FACTOR", default=not EMBEDDED)
METRICS_TOKEN = env.str("METRICS_TOKEN", default="")

# a delivery and its outbox, in seconds
HOLD_SECONDS = env.int("HOLD_SECONDS", default=60)  # a decision can be taken back
SEND_NOW_LEAD_SECONDS = env.int("SEND_NOW_LEAD_SECONDS", default=120)  # “now” is scheduled this far ahead
SETTLE_SECONDS = env.int("SETTLE_SECONDS", default=180)  # before an unknown outcome is looked up
LOOK_INTERVAL_SECONDS = env.int("LOOK_INTERVAL_SECONDS", default=60)  # between two looks
WATCH_SECONDS = env.int("WATCH_SECONDS", default=60)  # between two reads of a running campaign
LATENESS_LIMIT_SECONDS = env.int("LATENESS_LIMIT_SECONDS", default=1800)  # later than this a person decides
SWEEP_SECONDS = env.int("SWEEP_SECONDS", default=15)  # between two rounds of the outbox
POLL_SECONDS = env.int("POLL_SECONDS", default=60)  # between two pulls of changes
# Between two readings of everybody an account mails no more: a leave must hold everywhere within a quarter of an hour.
LEAVES_SECONDS = env.int("LEAVES_SECONDS", default=300)
# how long a claimed entry is one worker's; longer than any one call to a provider may take
OUTBOX_LEASE_SECONDS = env.int("OUTBOX_LEASE_SECONDS", default=150)
# calls of one account that are taken, on average over a minute
WEBHOOKS_PER_SECOND = env.int("WEBHOOKS_PER_SECOND", default=50)
# how soon an unanswered ring is repeated; it bounds the pause after Redis was wiped
OUTBOX_RING_AGAIN_SECONDS = env.int("OUTBOX_RING_AGAIN_SECONDS", default=45)
# how many workers one account may keep busy; a slow one must not take more than half of them
OUTBOX_PER_CONNECTION = env.int("OUTBOX_PER_CONNECTION", default=2)

# -- Applications --------------------------------------------------------------------------------------

INSTALLED_APPS = [
    "config",
    "accounts",
    "audiences",
    "campaigns",
    "reporting",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.humanize",
    "django.contrib.messages",
    "django.contrib.postgres",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
    "csp",
    "django_htmx",
    "django_prometheus",
    "django_structlog",
    "template_partials",
]

MIDDLEWARE = [
    "django_prometheus.middleware.PrometheusBeforeMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "accounts.sessions.SessionLimitsMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "django_structlog.middlewares.RequestMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "allauth.usersessions.middleware.UserSessionsMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "accounts.middleware.TimeZoneMiddleware",
    "accounts.middleware.WorkspaceMiddleware",
    "django_prometheus.middleware.PrometheusAfterMiddleware",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
APPEND_SLASH = True

TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,  # template_partials wraps the loaders, cached ones included
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "accounts.context.shell",
            ],
        },
    }
]

LANGUAGE_CODE = "en"
USE_I18N = False
TIME_ZONE = "UTC"
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# -- Uploads -------------------------------------------------------------------------------------------

# What is larger than 2.5 MB goes to a temporary file while it comes in; nothing uploaded is ever served.
FILE_UPLOAD_HANDLERS = [
    "accounts.uploads.SizeLimit",
    "django.core.files.uploadhandler.MemoryFileUploadHandler",
    "django.core.files.uploadhandler.TemporaryFileUploadHandler",
]

# -- Static files --------------------------------------------------------------------------------------

STATIC_URL = "/static/"
STATIC_ROOT = env.str("STATIC_ROOT", default=str(BASE_DIR / "staticfiles"))
STATICFILES_DIRS = [BASE_DIR / "static"]
WHITENOISE_USE_FINDERS = EMBEDDED
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if EMBEDDED
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}

# -- PostgreSQL, Redis ---------------------------------------------------------------------------------

DATABASES = {
    "default": {
        **env.db_url_config(DATABASE_URL),
        "CONN_MAX_AGE": env.int("DATABASE_CONNECTION_SECONDS", default=60),
        "CONN_HEALTH_CHECKS": True,
        # behind pgbouncer in transaction mode
        "DISABLE_SERVER_SIDE_CURSORS": env.bool("DATABASE_BEHIND_PGBOUNCER", default=False),
    }
}
if (
    env.str("CAMPANILE_PROCESS", default="") == "web"
    and not DATABASES["default"]["DISABLE_SERVER_SIDE_CURSORS"]
):
    # No page holds the database for long, and none gains by compiled plans. Workers and migrations take their time.
    page_seconds = env.int("DATABASE_PAGE_SECONDS", default=20)
    of_pages = f"-c statement_timeout={page_seconds}s -c jit=off"
    options = DATABASES["default"].setdefault("OPTIONS", {})
    options["options"] = f"{options.get('options', '')} {of_pages}".strip()

CACHES: dict[str, Any] = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": env.str("CACHE_URL", default="") or addresses.redis_further(REDIS_URL, 1),
        "KEY_PREFIX": "campanile",
        # without its own retries: they would hold a page for many seconds
        "OPTIONS": {"socket_connect_timeout": 0.5, "socket_timeout": 0.5, "retry": Retry(NoBackoff(), 0)},
    }
}

# -- Celery --------------------------------------------------------------------------------------------

CELERY_BROKER_URL = addresses.celery_broker(REDIS_URL)
CELERY_TASK_ACKS_LATE, CELERY_TASK_REJECT_ON_WORKER_LOST, CELERY_TASK_IGNORE_RESULT = True, False, True
CELERY_TASK_SOFT_TIME_LIMIT, CELERY_TASK_TIME_LIMIT, CELERY_WORKER_PREFETCH_MULTIPLIER = 100, 120, 1
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP, CELERY_BROKER_CONNECTION_MAX_RETRIES = True, None
# for every process but the worker: without these a hung Redis blocked a page for over 45 s
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 600,
    "socket_connect_timeout": 0.5,
    "socket_timeout": 0.5,
    "max_retries": 0,
}
ROUNDS = {  # task → seconds between two runs
    "accounts.sweep": SWEEP_SECONDS,
    "audiences.sweep": SWEEP_SECONDS,
    "campaigns.sweep": SWEEP_SECONDS,
    "reporting.apply_inbox": SWEEP_SECONDS,
    "reporting.prune_inbox": 60 * 60,
}
CELERY_BEAT_SCHEDULE = {
    # a round expires before the next, so that a queue that stood still does not run every missed one
    task: {"task": task, "schedule": seconds, "options": {"expires": seconds}}
    for task, seconds in ROUNDS.items()
}

# -- People --------------------------------------------------------------------------------------------

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "accounts.passwords.BreachedPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
ACCOUNT_ADAPTER = "accounts.adapter.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "none"  # an invitation, or the operator, vouches for the address
ACCOUNT_LOGOUT_ON_PASSWORD_CHANGE = False  # ends the other sessions, not this one
ACCOUNT_SESSION_REMEMBER = False
ACCOUNT_REAUTHENTICATION_TIMEOUT = 15 * 60  # secrets and roles ask again after this long
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
ACCOUNT_RATE_LIMITS = {"login_failed": "20/m/ip,5/m/key", "reset_password": "20/h/ip,3/h/key"}
ACCOUNT_DEFAULT_HTTP_PROTOCOL = "https" if HTTPS else "http"
ALLAUTH_TRUSTED_PROXY_COUNT = env.int("TRUSTED_PROXY_COUNT", default=0)
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_ALLOW_UNVERIFIED_EMAIL = True
MFA_TOTP_ISSUER = "Campanile"
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = EMBEDDED

# -- What the browser is told --------------------------------------------------------------------------

SESSION_COOKIE_AGE = 24 * 60 * 60  # since the log-in, however busy
SESSION_IDLE_SECONDS = 8 * 60 * 60
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SESSION_COOKIE_NAME = "__Host-session" if HTTPS else "campanile_session"
CSRF_COOKIE_NAME = "__Host-csrf" if HTTPS else "campanile_csrf"
CSRF_COOKIE_HTTPONLY = True
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL]
SECURE_SSL_REDIRECT = HTTPS
SECURE_REDIRECT_EXEMPT = [r"^(healthz|readyz|metrics)$"]
SECURE_HSTS_SECONDS = env.int("HSTS_SECONDS", default=365 * 24 * 60 * 60) if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = env.bool("HSTS_INCLUDE_SUBDOMAINS", default=False)
SECURE_HSTS_PRELOAD = env.bool("HSTS_PRELOAD", default=False)
# W005, W021: whether neighbouring hosts speak HTTPS is the operator's to say
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "object-src": [NONE],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
        "form-action": [SELF],
    }
}

# -- Mail, logs, errors --------------------------------------------------------------------------------

EMAIL_CONFIG = env.email_url("EMAIL_URL", default="consolemail://" if EMBEDDED else "smtp://localhost:25")
vars().update(EMAIL_CONFIG)
DEFAULT_FROM_EMAIL = SERVER_EMAIL = env.str("DEFAULT_FROM_EMAIL", default="Campanile <campanile@localhost>")

LOG_LEVEL = env.str("LOG_LEVEL", default="INFO")
LOGGING = logging_config(json=not (EMBEDDED or DEBUG), level=LOG_LEVEL)
DJANGO_STRUCTLOG_CELERY_ENABLED = True
DJANGO_STRUCTLOG_CELERY_TASK_START_LOG_LEVEL = logging.DEBUG

if SENTRY_DSN := env.str("SENTRY_DSN", default=""):
    sentry_sdk.init(
        dsn=SENTRY_DSN,
        send_default_pii=False,
        include_local_variables=False,
        before_send=lambda event, _: redact_value(event),
        before_breadcrumb=lambda crumb, _: redact_value(crumb),
    )
