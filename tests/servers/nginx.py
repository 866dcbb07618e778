"""nginx, as it stands before many a MinIO: a proxy that changes and refuses what it does not like."""

from __future__ import annotations

from pathlib import Path

from tests.tools import locate
from windrow.lab.stack.process import HOST, Server

CONFIG = """
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log stderr;
events {{ worker_connections 64; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  server {{
    listen {host}:{port};
    {options}
    location = /ready {{ return 200; }}
    location / {{
      proxy_pass {upstream};
      proxy_http_version 1.1;
      proxy_buffering off;
      proxy_request_buffering off;
      proxy_set_header Host $http_host;
      proxy_set_header Connection "";
    }}
  }}
}}
"""
"""MinIO's own example, but for two of its settings, which are ``options``:
https://min.io/docs/minio/linux/integrations/setup-nginx-proxy-with-minio.html"""


def nginx(folder: Path, upstream: str, options: str) -> Server:
    """Return an nginx before ``upstream`` (a URL), with more ``options`` of its server block, not started yet."""
    binary = locate("nginx")
    folder.mkdir(parents=True, exist_ok=True)
    config = folder / "nginx.conf"

    def command(port: int) -> list[str]:
        config.write_text(CONFIG.format(folder=folder, host=HOST, port=port, upstream=upstream, options=options))
        return [binary, "-p", str(folder), "-c", str(config), "-e", "stderr"]

    return Server("nginx", folder, command, environ={}, health="/ready", owns_port=False)
