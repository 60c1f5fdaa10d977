from __future__ import annotations

import pytest

from sluice.runs.misplaced import misplaced, notice, unread_config

FOLDERS = {"churn", "sales-2025", "customers"}


@pytest.mark.parametrize(
    ("key", "place", "way_out"),
    [
        ("churn.csv", "/", "Put it into incoming/churn/churn.csv."),
        ("incomming/churn/june.csv", "incomming/", "Put it into incoming/churn/june.csv."),
        ("Incoming/churn/june.csv", "Incoming/", "Put it into incoming/churn/june.csv."),
        ("dataset/churn/config.yaml", "dataset/", "Put it into datasets/churn/config.yaml."),
        ("archive/2025/june.csv", "archive/", "Put it into incoming/<dataset>/june.csv."),
        ("/incoming/churn/june.csv", "/", "Put it into incoming/<dataset>/june.csv."),
    ],
)
def test_a_file_that_starts_nothing_is_named_with_the_way_out(key: str, place: str, way_out: str) -> None:
    found = misplaced(key, FOLDERS)
    assert found is not None
    assert found.place == place
    assert found.reason == f"{key} starts nothing: only files under incoming/<dataset>/ do. {way_out}"


@pytest.mark.parametrize(
    ("key", "said"),
    [
        (
            "datasets/churn/config.yml",
            "datasets/churn/config.yml is not read. The configuration of a dataset is datasets/churn/config.yaml; "
            "name it so.",
        ),
        (
            "datasets/config.yaml",
            "datasets/config.yaml is not read. The configuration of a dataset is datasets/<dataset>/config.yaml.",
        ),
        (
            "datasets/churn/notes.txt",
            "datasets/churn/notes.txt is not read. The configuration of a dataset is datasets/churn/config.yaml.",
        ),
        (
            "datasets/chrun/config.yaml",
            "datasets/chrun/config.yaml is read by no run: no file lies in incoming/chrun/. If it is for the files in "
            "incoming/churn/, put it into datasets/churn/config.yaml.",
        ),
    ],
)
def test_what_no_run_reads_below_datasets_is_named_with_the_way_out(key: str, said: str) -> None:
    found = misplaced(key, FOLDERS)
    assert found is not None
    assert found.reason == said


@pytest.mark.parametrize(
    "key",
    [
        "datasets/churn/config.yaml",
        "datasets/titanic/config.yaml",
        "datasets/sales-2026/config.yaml",
        "incomming/",
        "incomming/.DS_Store",
        "datasets/churn/",
        "labels/churn/june.csv",
        "labels/churn/2026/june.csv.gz",
        "labels/titanic/june.csv",
        "labels/",
    ],
)
def test_a_marker_labels_and_the_configuration_of_a_dataset_that_is_or_will_be_are_nothing_to_tell_of(key: str) -> None:
    assert misplaced(key, FOLDERS) is None


@pytest.mark.parametrize(
    ("key", "said"),
    [
        (
            "labels/june.csv",
            "labels/june.csv is not read: labels lie in the folder of their dataset. Put it into "
            "labels/<dataset>/june.csv.",
        ),
        (
            "labels/chrun/june.csv",
            "labels/chrun/june.csv is joined with no predictions: no file lies in incoming/chrun/. If it is for the "
            "model of incoming/churn/, put it into labels/churn/june.csv.",
        ),
        (
            "label/churn/june.csv",
            "label/churn/june.csv starts nothing: only files under incoming/<dataset>/ do. Put it into "
            "labels/churn/june.csv.",
        ),
    ],
)
def test_labels_that_are_joined_with_nothing_are_named_with_the_way_out(key: str, said: str) -> None:
    found = misplaced(key, FOLDERS)
    assert found is not None
    assert found.reason == said


@pytest.mark.parametrize("folder", ["Churn", "chrun", "customer", "customerss", "sales_2025"])
def test_a_configuration_whose_folder_is_a_slip_of_the_hand_is_told(folder: str) -> None:
    assert misplaced(f"datasets/{folder}/config.yaml", FOLDERS) is not None


def test_a_key_cannot_forge_lines_of_the_notice_nor_fill_it() -> None:
    found = misplaced("evil\nSubject: pay/" + "x" * 900, FOLDERS)
    assert found is not None
    subject, text = notice("inbox", found)
    assert "\nSubject" not in text
    assert len(text) < 1500
    assert subject.isascii()
    assert len(subject) <= 100


@pytest.mark.parametrize("files", [[], ["config.yaml"], ["config.yaml", "notes.md"], ["config.yaml.bak"]])
def test_files_that_nobody_takes_for_the_configuration_are_no_warning(files: list[str]) -> None:
    assert unread_config("datasets/churn/config.yaml", files) is None


@pytest.mark.parametrize("file", ["config.yml", "Config.yaml", "config.json", "configuration.yaml"])
def test_a_configuration_by_another_name_is_a_warning(file: str) -> None:
    said = unread_config("datasets/churn/config.yaml", [file])
    assert said == f"datasets/churn/{file} is not read, so the defaults hold; name it config.yaml."
