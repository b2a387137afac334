"""Actions of tests on the page, and elements that they look for."""

import time


def go(page, address):
    """Load an address again, so that no part of the previous page is left."""
    page.goto("about:blank")
    page.goto(address)
    page.wait_for_selector("main:not([aria-busy]):not(:has([aria-busy])) h1")


def open_user(page, user="u0"):
    page.evaluate(f"sessionStorage.setItem('mmgcn_acting', '{user}')")
    page.evaluate(f"location.hash = '#/user/{user}'")
    see_user(page, user)


def see_user(page, user="u0"):
    """Wait for a user's page; other pages have cards as well."""
    page.get_by_role("heading", name=f"User {user}", exact=True).wait_for()


def keep_toasts(page):
    """Keep toasts from disappearing by themselves during a slow test."""
    page.evaluate("window.setTimeout = () => null")


def until(condition):
    """Wait for a condition; the page's policy forbids the eval of `wait_for_function`."""
    end = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < end, "it did not happen within two minutes"
        time.sleep(0.01)


def address(page):
    """The address now; `page.url` is that of the last event that was received."""
    return page.evaluate("location.href")


def cards(page):
    return page.locator(".wall .card:visible")


def ids(items):
    return items.evaluate_all("items => items.map((item) => item.dataset.item)")


def focused(page):
    """The item whose card has the focus."""
    return page.evaluate("document.activeElement.closest('.card')?.dataset.item")


def pressed(button):
    return button.get_attribute("aria-pressed") == "true"
