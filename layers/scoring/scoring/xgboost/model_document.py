"""Compares a model with what the built-in XGBoost 3.2 writes, before XGBoost loads it.

XGBoost trusts a model: if a field is of another type than it expects, a child lies beyond the nodes of its tree, a
split beyond the columns, or a tree runs in circles, it reads foreign memory or never ends. So a model must have the
fields that training writes here, each of its type, and trees that are trees.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

TRAINER: Final = (3, 2)
"""Of the container that trains. A model of a newer XGBoost would be scored wrongly silently."""

_LEAF: Final = -1
_TREE: Final = {
    "base_weights": ">f4",
    "categories": ">i4",
    "categories_nodes": ">i4",
    "categories_segments": ">i8",
    "categories_sizes": ">i8",
    "default_left": "|u1",
    "id": int,
    "left_children": ">i4",
    "loss_changes": ">f4",
    "parents": ">i4",
    "right_children": ">i4",
    "split_conditions": ">f4",
    "split_indices": ">i4",
    "split_type": "|u1",
    "sum_hessian": ">f4",
    "tree_param": dict.fromkeys(("num_deleted", "num_feature", "num_nodes", "size_leaf_vector"), str),
}
_OF_CATEGORIES: Final = ("categories", "categories_nodes", "categories_segments", "categories_sizes")
_OF_NODES: Final = [name for name, form in _TREE.items() if isinstance(form, str) and name not in _OF_CATEGORIES]
_TREES: Final = {
    "cats": {"enc": [str], "feature_segments": ">i4", "sorted_idx": ">i4"},
    "gbtree_model_param": {"num_parallel_tree": str, "num_trees": str},
    "iteration_indptr": [int],
    "tree_info": [int],
    "trees": [_TREE],
}
_SHAPE: Final = dict.fromkeys(("base_score", "boost_from_average", "num_class", "num_feature", "num_target"), str)
_OBJECTIVES: Final[dict[str, Any]] = {
    "binary:logistic": {"name": str, "reg_loss_param": {"scale_pos_weight": str}},
    "reg:squarederror": {"name": str, "reg_loss_param": {"scale_pos_weight": str}},
    "multi:softprob": {"name": str, "softmax_multiclass_param": {"num_class": str}},
}
_MODEL: Final = {
    "learner": {
        "attributes": {str: str},
        "feature_names": [str],
        "feature_types": [str],
        "gradient_booster": {"model": _TREES, "name": str},
        "learner_model_param": _SHAPE,
        "objective": None,
    },
    "version": [int],
}
"""What each field holds: a type, the type of an array of numbers, a list of one form, fields; None: looked at apart."""

type _Numbers = NDArray[Any]


class DamagedModelError(ValueError):
    """It is no model of XGBoost 3.2, or one that cannot be scored; the message says why."""


def check_model(document: Any, features: int | None = None) -> None:
    """
    Args:
        document: the model as read_ubjson gives it.
        features: columns of the rows that it is to score; None: any.

    Raises:
        DamagedModelError: training does not write such a model, or it cannot score such rows.
    """
    _check_version(document.get("version") if isinstance(document, dict) else None)
    _check_form(document, _MODEL, "the model")
    learner = document["learner"]
    shape, objective = learner["learner_model_param"], learner["objective"]
    name = objective.get("name") if isinstance(objective, dict) else None
    if not isinstance(name, str) or name not in _OBJECTIVES:
        raise DamagedModelError("its objective is none that training is given")
    _check_form(objective, _OBJECTIVES[name], "objective")
    if learner["gradient_booster"]["name"] != "gbtree":
        raise DamagedModelError("its booster is none that training is given")
    width = _whole(shape, "num_feature")
    if features not in (None, width):
        raise DamagedModelError(f"the model has {width} features, the test data {features}")
    if _whole(shape, "num_target") != 1:
        raise DamagedModelError("it predicts several targets")
    classes = _whole(shape, "num_class")
    if name == "multi:softprob" and _whole(objective["softmax_multiclass_param"], "num_class") != classes:
        raise DamagedModelError("it says two numbers of classes")
    _check_base_score(shape["base_score"], max(1, classes))
    _check_trees(learner["gradient_booster"]["model"], width, max(1, classes))


def _check_version(version: Any) -> None:
    written = tuple(version) if isinstance(version, list) else ()
    if written[:2] != TRAINER:
        by = ".".join(str(part)[:8] for part in written[:3]) or "nobody knows which"
        raise DamagedModelError(f"it was written by XGBoost {by}; training writes {TRAINER[0]}.{TRAINER[1]}")


def _check_form(value: Any, form: Any, name: str) -> None:
    """Raises: DamagedModelError if the value has not that form; see ``_MODEL``."""
    if form is None:
        return
    if isinstance(form, str):
        fits = isinstance(value, np.ndarray) and value.dtype.str == form
    elif isinstance(form, list):
        fits = isinstance(value, list)
    elif isinstance(form, dict):
        fits = isinstance(value, dict) and (str in form or value.keys() == form.keys())
    else:
        fits = type(value) is form
    if not fits:
        raise DamagedModelError(f"`{name}` is not as training writes it")
    if isinstance(form, list):
        for item in value:
            _check_form(item, form[0], name)
    elif isinstance(form, dict):
        for field, item in value.items():
            _check_form(item, form.get(field, form.get(str)), field)


def _check_base_score(text: str, groups: int) -> None:
    """It is a list in a text: ``[4.8E-1]``."""
    try:
        scores = [float(part) for part in text.removeprefix("[").removesuffix("]").split(",")]
    except ValueError:
        scores = []
    if len(scores) not in (1, groups) or not np.isfinite(scores).all():
        raise DamagedModelError("`base_score` does not fit its classes")


def _check_trees(model: Mapping[str, Any], features: int, groups: int) -> None:
    trees = model["trees"]
    if not trees:
        raise DamagedModelError("it has no trees")
    if _whole(model["gbtree_model_param"], "num_trees") != len(trees) or groups > len(trees):
        raise DamagedModelError("it does not have as many trees as it says")
    if len(model["tree_info"]) != len(trees) or not all(0 <= group < groups for group in model["tree_info"]):
        raise DamagedModelError("`tree_info` does not fit its trees")
    rounds = model["iteration_indptr"]
    if rounds[:1] != [0] or rounds[-1] != len(trees) or rounds != sorted(rounds):
        raise DamagedModelError("`iteration_indptr` does not fit its trees")
    if any(len(found) for found in model["cats"].values()):
        raise DamagedModelError("it has categories, which training is never given")
    for number, tree in enumerate(trees):
        _check_tree(tree, number, features)


def _check_tree(tree: Mapping[str, Any], number: int, features: int) -> None:
    shape = tree["tree_param"]
    nodes = _whole(shape, "num_nodes")
    if nodes < 1 or any(len(tree[name]) != nodes for name in _OF_NODES):
        raise DamagedModelError(f"tree {number} does not have as many nodes as it says")
    if _whole(shape, "num_feature") != features or _whole(shape, "size_leaf_vector") > 1:
        raise DamagedModelError(f"tree {number} is of another shape than the model")
    if any(len(tree[name]) for name in _OF_CATEGORIES) or tree["split_type"].any():
        raise DamagedModelError(f"tree {number} splits by categories, which training is never given")
    left, right = tree["left_children"], tree["right_children"]
    splits = left != _LEAF
    children = np.concatenate([left[splits], right[splits]])
    # Each node but the root is the child of one node at most: then no way from the root comes back to where it was.
    if (
        not np.array_equal(splits, right != _LEAF)
        or not _within(children, nodes)
        or (children == 0).any()
        or len(np.unique(children)) != len(children)
        or not _within(tree["parents"][1:], nodes)
        or not np.array_equal(tree["parents"][children], np.tile(np.flatnonzero(splits), 2))
    ):
        raise DamagedModelError(f"tree {number} is no tree")
    if not _within(tree["split_indices"][splits], features):
        raise DamagedModelError(f"tree {number} splits by a column that the data do not have")
    cover = tree["sum_hessian"]  # explanations divide by it
    if not (np.isfinite(cover) & (cover >= 0)).all():
        raise DamagedModelError(f"tree {number} has nodes of an impossible cover")


def _within(numbers: _Numbers, limit: int) -> bool:
    return bool(((numbers >= 0) & (numbers < limit)).all())


def _whole(document: Mapping[str, str], name: str) -> int:
    """A whole number, which XGBoost writes as text."""
    text = document[name]
    if not text.isascii() or not text.isdigit() or len(text) > 9:
        raise DamagedModelError(f"`{name}` is no number")
    return int(text)
