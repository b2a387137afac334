"""Project: what a file and variables set, and what they cannot set."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmgcn.project.project import (
    Option,
    Project,
    ProjectError,
    find_project,
    key_of,
    variable_of,
)

FIT = [
    Option("interactions"),
    Option("min_rating"),
    Option("features", is_repeatable=True),
    Option("keep_removed_items", is_flag=True),
    Option("model"),
    Option("settings", is_repeatable=True),
    Option("out"),
    Option("json", is_flag=True),
]
EXTRACT = [Option("videos", is_repeatable=True), Option("modalities"), Option("out")]
EVALUATE = [Option("run", is_run=True), Option("test")]
RECOMMEND = [Option("captions"), Option("encoders", is_repeatable=True)]
COMMANDS = ("extract", "fit", "evaluate", "recommend")


@pytest.fixture
def project(tmp_path):
    def reading(text, **variables):
        (tmp_path / "mmgcn.toml").write_text(text, encoding="utf-8")
        return Project.read(tmp_path / "mmgcn.toml", variables, COMMANDS)

    return reading


def values(settings):
    return {name: setting.value for name, setting in settings.items()}


def test_each_command_has_the_keys_of_its_options(project):
    found = project(
        'videos = "clips"\nfeatures = "store"\nruns = "models"\n'
        '[data]\ninteractions = "watched.csv"\nmin_rating = 4\nkeep_removed_items = true\n'
        '[extract]\nmodalities = ["v", "t"]\n'
        '[fit]\nmodel = "mf"\nsettings = {dim = 8, cosine = true}\n'
    )
    assert values(found.settings("extract", EXTRACT)) == {
        "videos": ["clips"],
        "modalities": "v,t",
        "out": "store",
    }
    assert values(found.settings("fit", FIT)) == {
        "interactions": "watched.csv",
        "min_rating": "4",
        "features": ["store"],
        "keep_removed_items": True,
        "model": "mf",
        "settings": ["dim=8", "cosine=true"],
        "out": "models",
    }
    assert values(found.settings("evaluate", EVALUATE)) == {"run": "models/latest"}


def test_captions_and_encoders_are_those_of_the_extraction(project):
    found = project(
        'captions = "speech"\n[extract]\nencoders = {visual = "timm:w.pth", textual = "st:a"}\n'
    )
    assert values(found.settings("recommend", RECOMMEND)) == {
        "captions": "speech",
        "encoders": ["visual=timm:w.pth", "textual=st:a"],
    }
    with pytest.raises(ProjectError, match=r"sets 'encoders' below \[recommend\]; write it below"):
        project('[recommend]\nencoders = ["visual=x"]').settings("recommend", RECOMMEND)


def test_of_several_features_the_store_is_where_extract_writes(project):
    found = project('features = ["price=price.npy", "store"]\n')
    assert found.settings("extract", EXTRACT)["out"].value == "store"
    assert found.settings("fit", FIT)["features"].value == ["price=price.npy", "store"]


@pytest.mark.parametrize(
    ("videos", "shown"),
    [('"clips"', True), ('["clips"]', True), ('["a", "b"]', False), ('"a/*.mp4"', False)],
)
def test_the_videos_of_a_page_are_one_folder(project, videos, shown):
    found = project(f"videos = {videos}\n")
    assert "videos" in found.settings("extract", EXTRACT)
    assert ("videos" in found.settings("report", [Option("videos")])) == shown


def test_a_variable_takes_precedence_over_the_file(project):
    found = project(
        '[fit]\nmodel = "mf"\n', MMGCN_FIT_MODEL="ease", MMGCN_RUNS="elsewhere", HOME="/"
    )
    settings = found.settings("fit", FIT)
    assert (settings["model"].value, settings["model"].origin) == ("ease", "MMGCN_FIT_MODEL")
    assert (settings["out"].value, settings["out"].origin) == ("elsewhere", "MMGCN_RUNS")


def test_a_variable_of_several_values_is_split_like_a_shell_does(project):
    found = project("", MMGCN_FEATURES="store 'a b=c.npy'", MMGCN_DATA_KEEP_REMOVED_ITEMS="True")
    settings = found.settings("fit", FIT)
    assert settings["features"].value == ["store", "a b=c.npy"]
    assert settings["keep_removed_items"].value is True


@given(st.lists(st.text(st.characters(exclude_categories=("Cs",)), min_size=1), min_size=1))
def test_a_list_of_a_file_reaches_a_repeatable_option_unchanged(texts):
    found = Project(Path("mmgcn.toml"), {"fit": {"settings": texts}})
    option = Option("settings", is_repeatable=True)
    assert found.settings("fit", [option])["settings"].value == texts


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("videos = ", r"mmgcn\.toml is not TOML: "),
        ('vidoes = "x"', r"mmgcn\.toml sets 'vidoes'; did you mean videos\?"),
        ('split = "random"', r"mmgcn\.toml sets 'split'; write it below \[data\]"),
        ("[fti]", r"mmgcn\.toml has a table \[fti\]; did you mean fit\?"),
        ("[videos]", r"mmgcn\.toml has a table \[videos\]; known: data, extract, fit, evaluate"),
        ("fit = 3", r"mmgcn\.toml sets 'fit'; known: videos, captions, features, runs"),
        (
            "[fit]\nmodle = 1",
            r"sets 'modle' below \[fit\], which has no such key; did you mean model",
        ),
        ("[fit]\nmin_rating = 1", r"sets 'min_rating' below \[fit\]; write it below \[data\]"),
        ("[data]\nvideos = 1", r"sets 'videos' below \[data\]; write it above all tables"),
        ("[data]\nmodel = 1", r"sets 'model' below \[data\]; write it below \[fit\]"),
        ("[fit]\njson = true", r"sets 'json' below \[fit\], which has no such key"),
        ("[fit]\nmodel = {a = 1}", r"\[fit\] model is a table; expected one value"),
        ("[data]\nkeep_removed_items = 1", r"keep_removed_items is 1; expected true or false"),
    ],
)
def test_keys_that_set_no_option_are_refused(project, text, message):
    with pytest.raises(ProjectError, match=message):
        project(text).settings("fit", FIT)


def test_the_table_of_another_command_is_not_read(project):
    assert project("[extract]\nfsp = 1").settings("fit", FIT) == {}


@pytest.mark.parametrize("name", ["MMGCN_FIT_MODLE", "MMGCN_DATA_MIN_RATIN"])
def test_a_variable_that_sets_no_option_is_refused(project, name):
    with pytest.raises(ProjectError, match=rf"the variable {name} sets no option; did you mean MM"):
        project("", **{name: "1"}).settings("fit", FIT)


def test_variables_of_other_commands_and_programs_are_ignored(project):
    assert (
        project("", MMGCN_TUNE_TRIALS="3", MMGCN_DEBUG="1", MMGCN_TOKEN="x").settings("fit", FIT)
        == {}
    )


def test_the_keys_of_options_differ_so_that_none_is_set_twice():
    for command, options in (("fit", FIT), ("extract", EXTRACT), ("evaluate", EVALUATE)):
        keys = [key_of(command, option, options) for option in options]
        keys = [variable_of(*key) for key in keys if key[1]]
        assert len(set(keys)) == len(keys)


def test_a_project_is_found_in_the_folder_or_where_it_is_given(tmp_path):
    assert find_project(None, tmp_path) is None
    (tmp_path / "mmgcn.toml").touch()
    assert find_project(None, tmp_path) == tmp_path / "mmgcn.toml"
    assert find_project(str(tmp_path), tmp_path / "x") == tmp_path / "mmgcn.toml"
    assert find_project(str(tmp_path / "mmgcn.toml"), tmp_path / "x") == tmp_path / "mmgcn.toml"
    assert find_project("none", tmp_path) is None


def test_a_given_project_that_does_not_exist_is_an_error(tmp_path):
    with pytest.raises(
        ProjectError, match=r"no project file at .*nowhere; write one with: mmgcn init"
    ):
        find_project(str(tmp_path / "nowhere"), tmp_path)
