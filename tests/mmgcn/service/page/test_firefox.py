"""A visit of the page in Firefox."""

from tests.mmgcn.service.page.actions import until
from tests.mmgcn.service.page.firefox import firefox


def test_the_page_works_in_firefox(service, tmp_path):
    card = ".wall [data-item=clip-020]"
    with firefox(tmp_path / "profile") as window:
        window.go(service.address)
        window.until("document.querySelector('h1')?.textContent === 'Whose recommendations?'")
        window.type("main .finder input", "u0\ue007")
        window.until("document.title === 'User u0 · mmgcn'")
        window.click("input[name=acting]")
        window.until("[...document.images].some((image) => image.naturalWidth > 1)")
        window.click(f"{card} .like")
        until(lambda: service.preferences() == [("clip-020", "like")])
        window.click(f"{card} .why")
        window.until("document.querySelector('dialog .parts') !== null")
        window.run("history.back()")
        window.until("document.querySelector('dialog') === null")
        window.click(f"{card} .stage")
        window.until("document.querySelector('main video')?.readyState > 0")
        window.click("[role=tab][data-channel=acoustic]")
        window.until("location.hash.endsWith('by=acoustic')")
        window.go(f"{service.address}#/feed/u0")
        window.until("document.querySelector('.slide:not([inert])') !== null")
        first = window.run("document.querySelector('.slide:not([inert])').dataset.item")
        window.type(".feed", "\ue015")  # the arrow down
        window.until(
            "document.querySelector('.slide:not([inert])').dataset.item !== arguments[0]", first
        )
        window.type(".feed", "\ue00c")  # Esc
        window.until("document.querySelector('h1').textContent === 'User u0'")
        window.go(f"{service.address}#/weights/u0?weight=visual%3A0")
        window.until("document.querySelector('.card .moved') !== null")
        window.go(f"{service.address}#/status")
        window.until("document.querySelectorAll('.chart').length === 3")
        assert window.errors(service.address) == []
        window.go("about:blank")
    service.forget()
