from __future__ import annotations

import json
import re

import pytest

from sluice.dataset.config import ConfigError, parse_config, parse_gates
from sluice.training.hyperparameters import MAX_SMALL_ROWS

NAME = "s3://inbox/datasets/churn/config.yaml"


def reasons(text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        parse_config(text, NAME)
    return caught.value.reasons


@pytest.mark.parametrize("text", [None, "", "# nothing set\n"])
def test_without_a_configuration_the_defaults_hold(text: str | None) -> None:
    config = parse_config(text, NAME)
    assert config.target is None
    assert config.endpoint.kind == "serverless"


def test_a_configuration_is_read() -> None:
    config = parse_config("target: churned\ngates: {accuracy: {min: 0.8}}\nhyperparameters: {max_depth: 3}", NAME)
    assert config.target == "churned"
    assert config.gates.by_metric()["accuracy"].min == 0.8
    assert config.resolved_hyperparameters(classes=2, rows=1000)["max_depth"] == "3"


def test_gates_of_a_stack_are_read_as_those_of_a_dataset() -> None:
    assert parse_gates(" ", NAME).by_metric() == {}
    assert parse_gates("{roc_auc: {min: 0.8}}", NAME).by_metric()["roc_auc"].min == 0.8
    with pytest.raises(ConfigError, match=r"unknown key `gates\.auc`"):
        parse_gates("{auc: {min: 0.8}}", NAME)


def test_hyperparameters_are_the_strings_that_sagemaker_wants_with_early_stopping_armed() -> None:
    resolved = parse_config(None, NAME).resolved_hyperparameters(classes=2, rows=1000)
    assert resolved["objective"] == "binary:logistic"
    assert all(isinstance(value, str) for value in resolved.values())
    assert {"num_round", "objective", "eval_metric", "early_stopping_rounds"} <= set(resolved)


def test_a_table_of_many_rows_is_trained_in_fewer_and_larger_steps() -> None:
    few, many = (
        parse_config(None, NAME).resolved_hyperparameters(2, rows) for rows in (MAX_SMALL_ROWS, MAX_SMALL_ROWS + 1)
    )
    assert float(many["eta"]) > float(few["eta"])
    assert int(many["num_round"]) < int(few["num_round"])
    own = parse_config("hyperparameters: {eta: 0.01}", NAME).resolved_hyperparameters(2, rows=MAX_SMALL_ROWS + 1)
    assert (own["eta"], own["num_round"]) == ("0.01", many["num_round"])


def test_the_defaults_let_a_model_split_off_a_few_rare_rows() -> None:
    """A sum of hessians is p(1 - p) a row: with a minimum of 6 a leaf of 0.2 % positives needs 3,000 rows."""
    resolved = parse_config(None, NAME).resolved_hyperparameters(classes=2, rows=1000)
    assert (resolved["min_child_weight"], resolved["gamma"]) == ("1", "0")


@pytest.mark.parametrize(
    ("text", "rows", "refitted"),
    [
        ("", MAX_SMALL_ROWS, True),
        ("", MAX_SMALL_ROWS + 1, False),
        ("training: {refit: false}", 1000, False),
        ("training: {refit: true}", MAX_SMALL_ROWS + 1, True),
        ("training: {preset: tutorial}", 1000, False),
        ("training: {preset: tutorial, refit: true}", 1000, True),
    ],
)
def test_the_model_of_a_small_table_is_refitted_unless_the_dataset_says_otherwise(
    text: str, rows: int, refitted: bool
) -> None:
    assert parse_config(text, NAME).is_refitted(classes=2, rows=rows) is refitted


def test_the_hyperparameters_of_the_tutorial_are_a_preset() -> None:
    config = parse_config("training: {preset: tutorial}\nhyperparameters: {max_depth: 3}", NAME)
    resolved = config.resolved_hyperparameters(classes=3, rows=10**6)
    assert (resolved["eta"], resolved["gamma"], resolved["min_child_weight"]) == ("0.2", "4", "6")
    assert "colsample_bylevel" not in resolved
    assert (resolved["max_depth"], resolved["objective"]) == ("3", "multi:softprob")
    assert any("tutorial" in reason for reason in reasons("training: {preset: fast}"))


def test_many_classes_are_trained_for_a_probability_of_each() -> None:
    resolved = parse_config("hyperparameters: {max_depth: 3}", NAME).resolved_hyperparameters(classes=7, rows=1000)
    assert resolved["objective"] == "multi:softprob"
    assert resolved["num_class"] == "7"
    assert resolved["eval_metric"] == "mlogloss"
    assert resolved["max_depth"] == "3"


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("tagret: churned", ["unknown key `tagret`", "target"]),
        ("gates: {acuracy: {min: 0.8}}", ["unknown key `gates.acuracy`", "accuracy"]),
        ("gates: {accuracy: {minimum: 0.8}}", ["unknown key `gates.accuracy.minimum`", "max_of_prior"]),
        ("facets: [{column: sex, group: [f], colum: x}]", ["unknown key `facets.0.colum`", "condition_on"]),
        ("facets: [{column: sex}]", ["`facets.0`", "give the values of `group`"]),
        ("facets: [{column: sex, group: [f], gates: {XX: {min: 0}}}]", ["`facets.0.gates.XX", "'CI'"]),
        ("cutoff: {policy: target_recall}", ["`cutoff`", "needs `value`"]),
        ("cutoff: {policy: best_f1, value: 0.5}", ["`cutoff`", "takes no `value`"]),
        ("cutoff: {policy: minimum_cost}", ["needs `costs`"]),
        ("champion: {policy: best}", ["`champion.policy`", "not_worse"]),
        ("gates: {accuracy: {min: 2}}", ["`gates`", "accuracy.min", "no model has"]),
        ("hyperparameters: {n_estimators: 5}", ["n_estimators", "num_round"]),
        ("hyperparameters: {objective: reg:squarederror}", ["objective"]),
        ("endpoint: {memory_mb: 1000}", ["`endpoint.memory_mb`", "1024"]),
        ("target: [", ["line 1", "not YAML"]),
        ("just words", ["key: value"]),
        ("- a\n- b", ["key: value"]),
    ],
)
def test_what_cannot_be_used_is_named_with_the_way_out(text: str, parts: list[str]) -> None:
    (reason,) = reasons(text)
    assert reason.startswith(NAME)
    for part in parts:
        assert part in reason


def test_every_problem_is_reported_at_once() -> None:
    assert len(reasons("tagret: a\nsplit: {test: 0.9}\nmax_rejected_share: 1.5")) == 3


def test_yaml_cannot_construct_objects() -> None:
    assert "not YAML" in reasons("target: !!python/object/apply:os.system [echo]")[0]


@pytest.mark.parametrize(
    ("text", "key", "value"),
    [
        ("positive: Yes", "positive", "Yes"),
        ("positive: 1", "positive", "1"),
        ("positive: 1.10", "positive", "1.10"),
        ("target: 2020", "target", "2020"),
        ("target: 2024-13-45", "target", "2024-13-45"),
        ("target: 2024-01-31", "target", "2024-01-31"),
        ("target: 0b_", "target", "0b_"),
        ("target: !!int abc", "target", "abc"),
        ("target: !!timestamp x", "target", "x"),
        ("target: !!bool maybe", "target", "maybe"),
        ("target:", "target", None),
        ("drop: [No, 007]", "drop", ("No", "007")),
        ("key: 007", "key", "007"),
        ("missing: [0, -999, null, '']", "missing", ("0", "-999", "null", "")),
    ],
)
def test_names_and_labels_are_taken_as_they_are_written(text: str, key: str, value: object) -> None:
    assert getattr(parse_config(text, NAME), key) == value


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"split: {{seed: {'9' * 5000}}}", "put it in quotes"),
        ("split: {seed: 0b_}", "put it in quotes"),
        ("split: {seed: !!bool maybe}", "put it in quotes"),
        ("split: {seed: !!timestamp x}", "put it in quotes"),
        ("[" * 5000, "nested too deeply"),
        ("gates: {log_loss: {max: .inf}}", "`gates.log_loss.max`: Input should be a finite number"),
        ("split: {test: .nan}", "`split.test`"),
        ("hyperparameters: {eta: .nan}", "`hyperparameters`: `eta` must be a finite number"),
        ("hyperparameters: {eta: -.inf}", "`hyperparameters`: `eta` must be a finite number"),
        ("target: a\ndrop: [b]\ntarget: c", ", line 3: the key `target` is already in line 1"),
        ("gates: {accuracy: {min: 1, min: 0}}", ", line 1: the key `min` is already in line 1"),
        ("drop: id", "`drop`: write a list, such as `[id]`"),
        ("drop:", "`drop`: write a list, such as `[id]`"),
        ("target: [a]", "`target`: expected one text"),
        ("? [a]\n: b", "not YAML"),
    ],
)
def test_what_yaml_cannot_mean_is_refused_and_never_a_crash(text: str, said: str) -> None:
    (reason,) = reasons(text)
    assert reason.startswith(NAME)
    assert said in reason


def test_the_columns_that_a_split_goes_by_are_taken_as_written() -> None:
    assert parse_config("split: {group_by: 007}", "config.yaml").split.group_by == "007"
    assert parse_config("split: {by_time: 2024-01-31, seed: 3}", "config.yaml").split.by_time == "2024-01-31"


def test_rows_are_split_by_group_or_by_time_but_not_by_both() -> None:
    with pytest.raises(ConfigError) as refusal:
        parse_config("split: {group_by: a, by_time: b}", "config.yaml")
    assert refusal.value.reasons == ["config.yaml: `split`: set `group_by` or `by_time`, not both"]


def test_a_file_without_a_header_is_read_where_the_configuration_says_so() -> None:
    assert parse_config(None, "config.yaml").header
    assert not parse_config("header: false", "config.yaml").header


@pytest.mark.parametrize(
    ("endpoint", "said"),
    [
        ({"autoscaling": {"max": 3}}, "`autoscaling` needs `kind: instance`"),
        ({"data_capture": {"share": 0.5}}, "`data_capture` needs `kind: instance`"),
        ({"previous": {"role": "variant"}}, "`previous` needs `kind: instance`"),
        ({"rollout": {"policy": "canary"}}, "`rollout.policy` needs `kind: instance`"),
        ({"kind": "instance", "rollout": {"policy": "linear"}}, "`instance_count` of 2 or more"),
        ({"kind": "instance", "previous": {"role": "shadow"}}, "needs `data_capture`"),
        ({"kind": "instance", "autoscaling": {"min": 3, "max": 2}}, "`min` (3) is above `max` (2)"),
    ],
)
def test_what_an_endpoint_cannot_have_is_refused_with_the_reason(endpoint: dict[str, object], said: str) -> None:
    with pytest.raises(ConfigError) as refused:
        parse_config(json.dumps({"endpoint": endpoint}), "config.yaml")
    assert said in refused.value.reasons[0]


@pytest.mark.parametrize(
    ("endpoint", "policy", "baking"),
    [
        ({}, "all_at_once", 120),
        ({"kind": "instance"}, "all_at_once", 120),
        ({"kind": "instance", "instance_count": 2}, "canary", 300),
        (
            {"kind": "instance", "instance_count": 3, "rollout": {"policy": "linear", "baking_seconds": 60}},
            "linear",
            60,
        ),
    ],
)
def test_traffic_moves_as_carefully_as_the_endpoint_can(endpoint: dict[str, object], policy: str, baking: int) -> None:
    found = parse_config(json.dumps({"endpoint": endpoint}), "config.yaml").endpoint
    assert (found.rollout_policy, found.baking_seconds) == (policy, baking)


@pytest.mark.parametrize(
    ("text", "near"),
    [
        ("targett: y", "`target`"),
        ("Gates: {}", "`gates`"),
        ("gates: {log_los: {max: 1}}", "`gates.log_loss`"),
        ("endpoint: {rollout: {polisy: canary}}", "`endpoint.rollout.policy`"),
    ],
)
def test_an_unknown_key_that_is_near_a_known_one_is_told_so(text: str, near: str) -> None:
    with pytest.raises(ConfigError, match=rf"; did you mean {near}\? Known here: "):
        parse_config(text, "config.yaml")


def test_an_unknown_key_that_is_near_none_lists_the_known_ones() -> None:
    with pytest.raises(ConfigError, match=r"unknown key `zzzzz`; known here: .*target"):
        parse_config("zzzzz: 1", "config.yaml")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{log_loss: {min_of_test: 0.9}}", "`log_loss` needs `max_of_test`: lower is better"),
        ("{roc_auc: {max_of_test: 1.2}}", "`roc_auc` needs `min_of_test`: higher is better"),
        ("{roc_auc: {}}", "`roc_auc` needs `min_of_test`: higher is better"),
        ("{log_loss: {max_of_test: 0.9}}", "monitor.gates.log_loss.max_of_test"),
        ("{rmse: {max_of_test: 1.2}}", "`monitor.gates.rmse` is for a target of numbers"),
    ],
)
def test_a_gate_on_labelled_predictions_has_the_limit_that_its_metric_can_break(text: str, said: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(said)):
        parse_config(f"monitor: {{gates: {text}}}", "config.yaml")


def test_gates_on_labelled_predictions_are_read_by_metric() -> None:
    found = parse_config("monitor: {gates: {log_loss: {max_of_test: 1.2}, roc_auc: {min_of_test: 0.9}}}", "config.yaml")
    gates = found.monitor.gates.by_metric()
    assert {name: (one.min_of_test, one.max_of_test) for name, one in gates.items()} == {
        "log_loss": (None, 1.2),
        "roc_auc": (0.9, None),
    }
