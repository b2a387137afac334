"""The registry: members by name, alias and entry point; broken packages of third parties."""

import shutil
import sys
from importlib import metadata
from types import SimpleNamespace

import pytest

from extract.encoder import ENCODERS
from extract.modality import MODALITIES
from extract.registry import DuplicateName, PluginError, Registry, UnknownName


@pytest.fixture
def registry(tmp_path, monkeypatch):
    """A registry over a folder with two members, and a folder for plugins."""
    own = tmp_path / "zoo_of_test"
    own.mkdir()
    (own / "__init__.py").touch()
    (own / "ape.py").write_text("from types import SimpleNamespace as S\nPET = S(aliases=('a',))\n")
    (own / "bee.py").write_text("PET = 'a bee'\n")
    (own / "_shared.py").write_text("1 / 0\n")
    monkeypatch.syspath_prepend(tmp_path)
    yield Registry("pet", package="zoo_of_test", group="zoo_of_test.pets")
    for name in [name for name in sys.modules if name.startswith("zoo_of_test")]:
        del sys.modules[name]


@pytest.fixture
def install(tmp_path):
    """Write the files of an installed distribution with one entry point."""

    def install(distribution, *, points, module="", code=""):
        folder = tmp_path / f"{distribution.replace('-', '_')}-1.2.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text(f"Name: {distribution}\nVersion: 1.2\n")
        (folder / "entry_points.txt").write_text(f"[zoo_of_test.pets]\n{points}\n")
        if module:
            (tmp_path / f"{module}.py").write_text(code)

    return install


def test_files_of_the_package_are_members_and_listing_imports_none(registry):
    assert registry.names() == ("ape", "bee")
    assert "zoo_of_test.ape" not in sys.modules
    assert registry.get("bee") == "a bee"
    assert "zoo_of_test.ape" not in sys.modules


def test_a_member_is_found_by_its_alias_and_is_loaded_once(registry):
    assert registry.get("a") is registry.get("ape")


def test_an_entry_says_where_a_member_comes_from(registry, install):
    code = "class Pets:\n    cat = 'a cat'\n"
    install("pet-cat", points="cat = zoo_of_test_cat:Pets.cat", module="zoo_of_test_cat", code=code)
    entries = {entry.name: entry for entry in registry.entries()}
    assert list(entries) == ["ape", "bee", "cat"]
    assert entries["bee"].source == "mmgcn"
    assert entries["cat"].source == "pet-cat 1.2"
    assert registry.get("cat") == "a cat"


def test_distributions_are_searched_again_after_an_installation_alone(
    registry, install, monkeypatch
):
    searches = []
    search = metadata.entry_points

    def watched(*, group):
        searches.append(group)
        return search(group=group)

    monkeypatch.setattr("extract.registry.entry_points", watched)
    assert registry.names() == ("ape", "bee")
    assert registry.get("bee") == "a bee"
    assert len(searches) == 1
    install("pet-cat", points="cat = somewhere:CAT")
    assert registry.names() == ("ape", "bee", "cat")
    assert len(searches) == 2


def test_an_unknown_name_is_an_error_with_the_nearest(registry):
    with pytest.raises(UnknownName, match=r"no pet is called 'apes'; did you mean ape\?") as caught:
        registry.get("apes")
    assert (caught.value.kind, caught.value.name) == ("pet", "apes")
    assert caught.value.known == ("ape", "bee")


def test_an_unknown_name_without_a_near_one_lists_all_names(registry):
    with pytest.raises(UnknownName, match=r"no pet is called 'xyz'; known: ape, bee$"):
        registry.get("xyz")


def test_an_empty_registry_lists_no_names():
    empty = Registry("pet", package="absent_of_test", group="zoo_of_test.none")
    with pytest.raises(UnknownName, match="known: none"):
        empty.get("xyz")


def test_two_packages_with_one_name_are_refused(registry, install):
    install("pet-bee", points="bee = somewhere:BEE")
    with pytest.raises(
        DuplicateName, match=r"the pet 'bee' is defined by both mmgcn and pet-bee 1\.2; uninstall"
    ):
        registry.names()


def test_two_packages_with_one_name_affect_no_other_member(registry, install):
    install("pet-cat", points="cat = somewhere:CAT")
    install("pet-tiger", points="cat = elsewhere:CAT")
    both = r"the pet 'cat' is defined by both pet-(cat|tiger) 1\.2 and pet-(tiger|cat) 1\.2; unins"
    for act in (registry.names, registry.entries, lambda: registry.get("cat")):
        with pytest.raises(DuplicateName, match=both) as caught:
            act()
        assert sorted(caught.value.sources) == ["pet-cat 1.2", "pet-tiger 1.2"]
    assert registry.get("bee") == "a bee"
    assert registry.get("a") is registry.get("ape")


def test_a_distribution_that_is_twice_on_the_path_is_one_source(
    registry, install, tmp_path, monkeypatch
):
    install("pet-bat", points="bat = zoo_of_test_bat:PET", module="zoo_of_test_bat", code="PET = 1")
    shutil.copytree(tmp_path / "pet_bat-1.2.dist-info", tmp_path / "twice/pet_bat-1.2.dist-info")
    monkeypatch.syspath_prepend(tmp_path / "twice")
    assert registry.names() == ("ape", "bat", "bee")


def test_an_alias_of_two_members_is_refused_and_their_names_are_not(registry, install):
    code = "from types import SimpleNamespace as S\nPET = S(aliases=('a', 'n'))\n"
    install("pet-ant", points="ant = zoo_of_test_ant:PET", module="zoo_of_test_ant", code=code)
    with pytest.raises(
        DuplicateName,
        match=r"'a' is defined by both ant of pet-ant 1\.2 and ape of mmgcn; use its full",
    ):
        registry.get("a")
    assert registry.get("n") is registry.get("ant") is not registry.get("ape")


@pytest.mark.parametrize(
    ("code", "what"),
    [
        ("PET = 'a fox'", r"it is 'a fox', not a .*\.SimpleNamespace"),
        ("class PET: name = 'fox'", r"it is <class .*>, not a .*\.SimpleNamespace"),
        (
            "from types import SimpleNamespace as S\nPET = S(name='vixen')",
            "its name is 'vixen'",
        ),
        ("from types import SimpleNamespace as PET", "its name is None"),
    ],
)
def test_a_member_has_the_declared_type_and_name(registry, install, code, what):
    install("pet-fox", points="fox = zoo_of_test_fox:PET", module="zoo_of_test_fox", code=code)
    strict = Registry("pet", package="absent_of_test", group=registry.group, base=SimpleNamespace)
    with pytest.raises(PluginError, match=rf"'fox' of pet-fox 1\.2 cannot be loaded .*: {what}$"):
        strict.get("fox")
    with pytest.raises(PluginError, match=r"'wolf' of this process cannot be .* name is 'fox'"):
        strict.register("wolf", SimpleNamespace(name="fox"))
    assert strict.names() == ("fox",)


def test_a_registered_member_is_found_and_cannot_take_a_name(registry):
    registry.register("dog", SimpleNamespace(aliases=("d",)))
    assert registry.get("d") is registry.get("dog")
    for taken in ("dog", "bee"):
        with pytest.raises(DuplicateName, match=f"the pet '{taken}' is .* and this process; "):
            registry.register(taken, SimpleNamespace())


@pytest.mark.parametrize(
    ("code", "what"),
    [
        ("1 / 0", "ZeroDivisionError: division by zero"),
        ("import absent_of_test", "ModuleNotFoundError: No module named 'absent_of_test'"),
        ("", "AttributeError: .* has no attribute 'PET'"),
        ("raise ValueError('two\\nlines')", "ValueError: two lines"),
    ],
)
def test_a_broken_plugin_is_named_and_affects_no_other_member(registry, install, code, what):
    install("pet-sick", points="sick = zoo_of_test_sick:PET", module="zoo_of_test_sick", code=code)
    assert registry.names() == ("ape", "bee", "sick")
    with pytest.raises(
        PluginError,
        match=rf"'sick' of pet-sick 1\.2 cannot be loaded from zoo_of_test_sick:PET: {what}",
    ):
        registry.get("sick")
    assert registry.get("bee") == "a bee"
    assert registry.get("a") is registry.get("ape")
    with pytest.raises(UnknownName, match=r"could not be loaded: sick of pet-sick 1\.2"):
        registry.get("q")


def test_the_registries_of_this_package_are_valid():
    assert {"visual", "acoustic", "textual"} <= set(MODALITIES.names())
    assert {"resnet50", "vggish", "sentence", "logmel"} <= set(ENCODERS.names())
    with pytest.raises(LookupError, match=r"did you mean visual\?"):
        MODALITIES.get("visula")
