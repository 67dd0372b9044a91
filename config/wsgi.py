import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
os.environ["CAMPANILE_PROCESS"] = "web"

application = get_wsgi_application()
