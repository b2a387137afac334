"""Folders of files that only have names."""


def touch(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def captions_of(catalogue):
    return {item.id: item.caption for item in catalogue.items}
