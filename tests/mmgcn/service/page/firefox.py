"""A headless Firefox, driven by its own protocol (Marionette): no driver has to be installed."""

import json
import os
import shutil
import socket
import subprocess
from contextlib import contextmanager
from pathlib import Path

from tests.mmgcn.service.page.actions import until
from tests.services import skip_without

ELEMENT = "element-6066-11e4-a52e-4f735466cecf"  # the key of an element in WebDriver's JSON
SYSTEM = "--remote-allow-system-access"  # for the errors of scripts
ERRORS = """
return Services.console.getMessageArray()
  .filter((one) => one instanceof Ci.nsIScriptError && !(one.flags & Ci.nsIScriptError.warningFlag))
  .filter((one) => one.sourceName.startsWith(arguments[0]) || one.category.includes("CSP"))
  .map((one) => one.errorMessage);
"""


class Firefox:
    """A window of Firefox."""

    def __init__(self, port):
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=120)
        self._stream = self._socket.makefile("rwb")
        self._receive()  # the greeting
        self._send("WebDriver:NewSession", capabilities={})

    def go(self, address):
        self._send("WebDriver:Navigate", url="about:blank")
        self._send("WebDriver:Navigate", url=address)

    def run(self, script, *values):
        """Return the value of a script, whatever the policy of the page is."""
        return self._send("WebDriver:ExecuteScript", script=f"return {script}", args=list(values))

    def until(self, script, *values):
        until(lambda: self.run(script, *values))

    def click(self, selector):
        """Press an element with the pointer, once it is there and the page is drawn."""
        self.until("document.querySelector('main:not([aria-busy])') !== null")
        self.until("document.querySelector(arguments[0]) !== null", selector)
        self._send("WebDriver:ElementClick", id=self._find(selector))

    def type(self, selector, text):
        self._send("WebDriver:ElementSendKeys", id=self._find(selector), text=text)

    def errors(self, address):
        """Return errors of scripts and of the policy."""
        self._send("Marionette:SetContext", value="chrome")
        found = self._send("WebDriver:ExecuteScript", script=ERRORS, args=[address])
        self._send("Marionette:SetContext", value="content")
        return found

    def close(self):
        self._stream.close()
        self._socket.close()

    def _find(self, selector):
        return self._send("WebDriver:FindElement", using="css selector", value=selector)[ELEMENT]

    def _send(self, name, **parameters):
        body = json.dumps([0, 1, name, parameters]).encode()
        self._stream.write(b"%d:%s" % (len(body), body))
        self._stream.flush()
        _, _, error, result = self._receive()
        assert error is None, error
        return result["value"] if isinstance(result, dict) and "value" in result else result

    def _receive(self):
        size = b""
        while (byte := self._stream.read(1)) != b":":
            assert byte, "Firefox ended"
            size += byte
        return json.loads(self._stream.read(int(size)))


@contextmanager
def firefox(folder: Path):
    """Run a Firefox whose profile is in a folder."""
    path = shutil.which("firefox-esr") or shutil.which("firefox")
    if path is None:
        skip_without("no Firefox here: apt-get install firefox-esr")
    folder.mkdir()
    (folder / "user.js").write_text(
        'user_pref("marionette.port", 0);\nuser_pref("media.autoplay.default", 0);\n'
    )
    process = subprocess.Popen(
        [path, "--headless", "--no-remote", "--profile", str(folder), "--marionette", SYSTEM],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "HOME": str(folder)},
    )

    def port():
        assert process.poll() is None, "Firefox ended"
        file = folder / "MarionetteActivePort"
        return int(file.read_text() or 0) if file.exists() else 0

    try:
        until(port)
        window = Firefox(port())
        try:
            yield window
        finally:
            window.close()
    finally:
        process.terminate()
        process.wait()
