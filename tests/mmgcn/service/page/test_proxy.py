"""The page and the API's documentation below a prefix, behind nginx, without other hosts."""

import os
import shutil
import socket
import subprocess
from contextlib import contextmanager
from dataclasses import replace

import httpx

from tests.mmgcn.service.page.actions import go, pressed, see_user, until
from tests.mmgcn.service.page.demo_service import running
from tests.services import skip_without

CONFIG = """
daemon off; worker_processes 1; pid nginx.pid; error_log stderr; {user}
events {{}}
http {{
  access_log off; client_body_temp_path body; proxy_temp_path proxy;
  fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
  server {{
    listen 127.0.0.1:{port};
    location /mm/ {{
      proxy_pass {service};
      proxy_set_header X-Forwarded-For $remote_addr;
      proxy_set_header X-Forwarded-Proto $scheme;
    }}
  }}
}}
"""


@contextmanager
def nginx(folder, service):
    """Run nginx before a service; yields its address with the prefix."""
    program = shutil.which("nginx", path=f"{os.environ['PATH']}{os.pathsep}/usr/sbin")
    if program is None:
        skip_without("no nginx here: apt-get install nginx-light")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    user = "user root;" if os.geteuid() == 0 else ""
    folder.mkdir()
    (folder / "nginx.conf").write_text(CONFIG.format(user=user, port=port, service=service))
    command = [program, "-e", "stderr", "-p", str(folder), "-c", "nginx.conf"]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    address = f"http://127.0.0.1:{port}/mm/"

    def answers():
        assert process.poll() is None, "nginx ended"
        try:
            return httpx.get(f"{address}healthz").status_code == 200
        except httpx.ConnectError:
            return False

    try:
        until(answers)
        yield address
    finally:
        process.terminate()
        process.wait()


def test_page_and_documentation_work_behind_a_proxy_without_other_hosts(page, service, tmp_path):
    elsewhere = []
    settings = replace(service.settings, root_path="/mm", proxies=("127.0.0.1",))
    with running(settings) as behind, nginx(tmp_path / "kept", behind.rstrip("/")) as address:

        def route(route):
            if route.request.url.startswith((address, "data:")):
                route.continue_()
            else:
                elsewhere.append(route.request.url)
                route.abort()

        page.route("**/*", route)
        go(page, f"{address}#/user/u0")
        see_user(page)
        until(lambda: page.evaluate("document.querySelector('.card img')?.naturalWidth > 1"))
        like = page.locator("[data-item=clip-020] .like")
        like.click()
        until(lambda: service.preferences() == [("clip-020", "like")])
        assert pressed(like)
        page.locator("[data-item=clip-020] .stage").click()
        until(lambda: page.evaluate("document.querySelector('main video')?.readyState >= 1"))
        go(page, f"{address}#/status")
        page.get_by_role("link", name="the API of this service").click()
        page.locator("#operations-users-list_users").click()
        page.get_by_role("button", name="Try it out").click()
        page.get_by_role("button", name="Execute").click()
        page.locator(".live-responses-table").get_by_text('"u11"').wait_for()
        page.goto("about:blank")
        # The proxy may remove the prefix as well.
        with nginx(tmp_path / "removed", behind) as address:
            card = httpx.get(f"{address}v1/items/clip-020").json()
            assert card["video"] == "/mm/v1/videos/clip-020"
            assert httpx.get(address[:-4] + card["video"]).status_code == 200
            assert "swagger-ui-bundle.js" in httpx.get(f"{address}docs").text
    assert elsewhere == []
