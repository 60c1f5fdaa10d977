"""Tells indexes and identifiers from quantities, and says what rows of one identifier share.

A column that is all different: whole numbers that chance would have repeated. n independent values of any distribution
over S whole numbers are all different with a probability of at most S! / ((S - n)! S^n), which they have if all S are
equally likely (the birthday problem). Below e^-25 they were not drawn but dealt: an index or an identifier.

A column that repeats is told by its name, by the target and by other columns. What rows of one value share is measured
as log loss: each training row is predicted by the class shares of the other rows with its value (leave one out,
shrunken to those of all rows). An identifier says this by itself; a quantity is known by its neighbours, too: so the
row is also predicted by the rows of the next values below and above, and the difference counts. In the tables of
docs/decisions.md it is at most 0.10 of the log loss of the class shares for quantities, and about 1 if the label is
one for each identifier.
"""

from __future__ import annotations

import functools
import math
import operator
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Final

import polars as pl

from sluice.wording import in_yaml
from tabular.columns import Kind, Profile
from tabular.findings import Finding, Rule, shown
from tabular.identities import Identities
from tabular.split import Places

MIN_DIFFERENT: Final = 21
"""Values of an identifier that repeats; fewer are read as categories."""

_MIN_REPEATED: Final = 10
"""Values that stand in two rows or more."""

MAX_LOG_CHANCE: Final = -25.0
"""Natural logarithm of the chance that independent whole numbers are all different, if they count from 0 or 1 without
a gap."""

MAX_LOG_CHANCE_WITH_GAPS: Final = -50.0
"""The same for any other range: a hundred numbers of a range of as many."""

_MAX_TOP_SHARE: Final = 0.25
"""Of the rows with a value. An amount is zero in most rows; no identifier stands in so many."""

MIN_GAP: Final = 0.02
"""Share of the baseline's log loss by which the own rows predict better than the neighbours, if the name says
identifier."""

MIN_GAP_OF_CATEGORY: Final = 0.25
"""The same for a text whose name may as well say category: a product's label differs from another's, too."""

_CHANCE: Final = 1e-4
"""That such a difference is luck in any of the columns that are compared: each has its share (Bonferroni)."""

_MAX_IMPURE: Final = 0.01
"""Share of the repeated values with two labels, up to which the label is called the same in all rows of a value."""

_MIN_EXPECTED_IMPURE: Final = 20.0
"""Values with two labels that chance would make. If there are none, the chance is e^-20 (Poisson)."""

_MAX_ROWS_PER_TEXT: Final = 20
"""Rows of a text whose name alone says identifier. A text with more is as useful as a category as it is."""

_SHRINKAGES: Final = (0.25, 1.0, 4.0, 16.0, 64.0)
"""Rows that the class shares of all rows count for."""

_REACHES: Final = (1, 2, 4, 8, 16, 32)
"""Neighbouring values on each side."""

_MAX_JUDGED: Final = 64
"""Columns of a table whose repeated values are compared with the target; those that look most like identifiers."""

_MAX_OTHERS: Final = 64
"""Columns that one is compared with."""

_MIN_CONSTANT: Final = 0.99
_MIN_EXCESS: Final = 0.95
_MAX_NEIGHBOURS: Final = 0.5
"""A column follows from an identifier if it is constant in nearly all values, far beyond chance, and differs from one
value to the next: age groups follow from the age, but the next age is nearly always of the same."""

_MAX_NUMBERED: Final = 10

_YEARS: Final = (1800, 2100)

_SURE: Final = 2
"""Of the strength of a name."""

_MIN_CODED: Final = 0.95
"""Share of a column's texts that look like codes."""

_REASON: Final = "is an identifier: its values name things, and their order means nothing"

_PANDAS_NAME: Final = re.compile(r"(?i:unnamed: ?\d+(_level_\d+)?|level_\d+|index|__index_level_\d+__)")

_STRONG_WORDS: Final = frozenset(
    """
    id ids uid uuid guid oid pid identifier ident identity
    identifiant identifikator identificador identificativo identificatore identyfikator identifikátor kennung
    kundennummer kundennr kundenid personennummer personnummer matrikelnummer seriennummer auftragsnummer
    rechnungsnummer vertragsnummer patientennummer versichertennummer aktenzeichen klantnummer medlemsnummer
    matricule ssn nhs iban vin imei imsi iccid msisdn isbn isin dni nif nie cpf cnpj cuit curp rfc pesel siret siren
    cedula cédula tunnus tunniste kimlik asiakasnumero
    идентификатор ид айди инн снилс ідентифікатор 编号 編號 编码 識別子 识别码 身份证号 身份证 会員番号 会员号
    客户编号 用户编号 顧客番号 顧客id 社員番号 患者番号 학번 회원번호 고객번호 식별자
    아이디 معرف المعرف מזהה αναγνωριστικό รหัส
    """.split()  # noqa: SIM905 - words
)

_WEAK_WORDS: Final = frozenset(
    """
    no nr num number nummer numer numero número numéro numar szám číslo nro code codigo código codice kod kód koodi key
    clave schlüssel schluessel chave clé cle klucz ref reference referencia référence hash token serial row rownum
    customer client kunde kundin klient cliente asiakas kunder cust account konto compte cuenta conta user utilisateur
    usuario benutzer nutzer utente member mitglied membre miembro patient patientin paciente paziente pasient subject
    person persona personne participant respondent case fall household haushalt family famille familia employee
    mitarbeiter empleado employé student schüler étudiant alumno driver fahrer machine maschine machina máquina macchina
    device gerät geraet appareil dispositivo sensor engine motor unit asset equipment vehicle fahrzeug véhicule vehículo
    car loan contract vertrag contrat contrato order bestellung auftrag commande pedido invoice rechnung facture factura
    session sitzung visit visitor besucher store filiale magasin tienda shop merchant supplier lieferant fournisseur
    product produkt produit producto item artikel article artículo sku plant site group gruppe groupe grupo farm batch
    charge lot specimen sample probe animal tier cow dog well borehole station player team school schule école escuela
    hospital klinik clinic wafer pump turbine bearing battery cell meter zähler
    номер код ключ клиент пользователь пациент машина устройство станок абонент договор заказ
    番号 顧客 患者 機械 設備 会員 利用者 社員 号码 序号 客户 用户 患者 机器 设备 会员 번호 고객 환자 사용자 장비
    رقم عميل مريض
    """.split()  # noqa: SIM905 - words
)

_CODE: Final = r"^\S*\d\S*$"
"""A text of an identifier: a digit, and no blank."""


def strength(name: str) -> int:
    """How much a column's name says that it is an identifier: 2 surely, 1 perhaps, 0 nothing."""
    words = _words(name)
    if not words:
        return 0
    joined = "".join(words)
    if words[-1] in _STRONG_WORDS or words[0] in {"id", "uuid", "guid"} or joined in _STRONG_WORDS:
        return _SURE
    return 1 if words[-1] in _WEAK_WORDS or joined in _WEAK_WORDS else 0


def _words(name: str) -> list[str]:
    """The words of a name in small letters: of ``customerID``, ``CUSTOMER_ID`` and ``Customer Id`` the same."""
    spaced = re.sub(r"(?<=[a-zß-ÿ0-9])(?=[A-Z])", " ", name)
    return [word.casefold() for word in re.split(r"[\W_]+", spaced) if word and not word.isdigit()]


@dataclass(frozen=True)
class Shared:
    """What rows of one value of a column share, over different training rows.

    Log losses are natural and a row: ``own`` of predicting each row by the others of its value, ``near`` by the rows of
    neighbouring values or by the class shares, whichever is better, ``prior`` by the class shares. ``deviations`` is
    the difference in standard errors over the values, and ``compared`` how many columns are. Of the ``repeated``
    values ``impure`` have rows of two labels; ``expected`` is how many would by chance.
    """

    rows: int
    values: int
    repeated: int
    top_share: float
    prior: float
    own: float
    near: float
    deviations: float
    impure: int
    expected: float
    compared: int = 1

    @property
    def rows_per_value(self) -> float:
        return self.rows / self.values

    @property
    def gap(self) -> float:
        """Share of the baseline's log loss."""
        return (self.near - self.own) / self.prior if self.prior else 0.0

    def beyond_chance(self, min_gap: float) -> bool:
        return self.gap >= min_gap and self.deviations >= -NormalDist().inv_cdf(_CHANCE / self.compared)

    @property
    def label_is_constant(self) -> bool:
        return (
            self.impure <= _MAX_IMPURE * self.repeated
            and self.expected >= _MIN_EXPECTED_IMPURE
            and self.beyond_chance(MIN_GAP_OF_CATEGORY)
        )


def shared(rows: pl.DataFrame, *, ordered: bool, compared: int = 1) -> Shared | None:
    """What rows of one value share; None if too few values repeat.

    Args:
        rows: ``value`` and ``label`` of different training rows.
        ordered: the values are numbers, so that they have neighbours.
        compared: columns of the table that are compared with the target.
    """
    counts = rows.group_by("label").len().sort("label")
    labels, shares = counts["label"].to_list(), [n / rows.height for n in counts["len"]]
    names = [f"n{k}" for k in range(len(labels))]
    by_value = (
        rows.group_by("value")
        .agg(
            pl.len().alias("n"),
            *((pl.col("label") == label).sum().alias(k) for label, k in zip(labels, names, strict=True)),
        )
        .sort("value")
        .with_columns(pl.col("n", *names).cast(pl.Float64))
    )
    repeated = by_value.filter(pl.col("n") > 1)
    if len(labels) < 2 or by_value.height < MIN_DIFFERENT or repeated.height < _MIN_REPEATED:
        return None
    known = list(zip(names, shares, strict=True))
    prior = _total(-pl.col(k) * math.log(share) for k, share in known)
    own = _least(by_value, [_loss(known, pl.col("n") - 1, lambda k: pl.col(k) - 1, a) for a in _SHRINKAGES])
    near = [prior]
    entropy = -sum(share * math.log(share) for share in shares)
    # The neighbours can only narrow the gap.
    if ordered and rows.height * entropy - float(own.sum()) >= MIN_GAP * rows.height * entropy:
        near += [
            _loss(known, _around("n", reach), functools.partial(_around, reach=reach), a)
            for reach in _REACHES
            for a in _SHRINKAGES
        ]
    other = _least(by_value, near)
    gain = other - own
    spread = float(gain.std() or 0.0) / math.sqrt(by_value.height)  # type: ignore[arg-type]
    top = pl.max_horizontal(names)
    return Shared(
        rows=rows.height,
        values=by_value.height,
        repeated=repeated.height,
        top_share=float(by_value["n"].max() or 0) / rows.height,  # type: ignore[arg-type]
        prior=entropy,
        own=float(own.sum()) / rows.height,
        near=float(other.sum()) / rows.height,
        deviations=float(gain.mean() or 0.0) / spread if spread else 0.0,  # type: ignore[arg-type]
        impure=repeated.filter(top < pl.col("n")).height,
        expected=float(repeated.select((1 - _total(share ** pl.col("n") for share in shares)).sum()).item()),
        compared=compared,
    )


def _total(terms: Iterator[pl.Expr] | Sequence[pl.Expr]) -> pl.Expr:
    return functools.reduce(operator.add, terms)


def _loss(
    known: Sequence[tuple[str, float]], rows: pl.Expr, of_label: Callable[[str], pl.Expr], shrinkage: float
) -> pl.Expr:
    """The sum over a value's rows of the log loss of predicting them from ``rows`` others, ``of_label`` of a label."""
    return _total(
        pl.when(pl.col(k) > 0)
        .then(-pl.col(k) * ((of_label(k) + shrinkage * share) / (rows + shrinkage)).log())
        .otherwise(0.0)
        for k, share in known
    )


def _around(name: str, reach: int) -> pl.Expr:
    """The sum over neighbouring values without the value itself."""
    return pl.col(name).rolling_sum(2 * reach + 1, center=True, min_samples=1) - pl.col(name)


def _least(by_value: pl.DataFrame, losses: Sequence[pl.Expr]) -> pl.Series:
    """The losses by value that are least in all."""
    found = by_value.select(loss.alias(str(n)) for n, loss in enumerate(losses))
    return min(found.iter_columns(), key=lambda one: float(one.sum()))


def log_chance_all_different(rows: int, values: float) -> float:
    """Natural logarithm of the chance that ``rows`` independent draws from ``values`` whole numbers are all different,
    if all are equally likely: with any other distribution it is less."""
    if rows >= values + 1:
        return -math.inf
    return math.fsum(math.log1p(-drawn / values) for drawn in range(1, rows))


@dataclass(frozen=True)
class Identified:
    """What is known of a column that names rows. ``reason``: why it is left out; None if it is used all the same.
    ``gap``: how far its rows share their label beyond chance (:attr:`Shared.gap`); None if they do not."""

    position: int
    reason: str | None
    finding: Finding | None = None
    refuses: bool = False
    gap: float | None = None


@dataclass(frozen=True)
class Setting:
    """What else is known of the table: ``ruled_out`` columns are not judged; ``unnamed`` are the columns whose name was
    made, by position, and ``header_line`` that of the names; ``places`` is the split if it is random, which puts rows
    of one value into several parts."""

    ruled_out: frozenset[str]
    places: Places | None = None
    unnamed: frozenset[int] = frozenset()
    header_line: int | None = None


def identify(identities: Identities, profiles: Sequence[Profile], setting: Setting) -> list[Identified]:
    """The columns of a table that are an index or an identifier, in the table's order.

    Args:
        identities: samples of the table.
        profiles: of every column.
        setting: what the configuration says.
    """
    judged = [p for p in profiles if p.name not in setting.ruled_out]
    sight = _Sight(identities, setting.places)
    found = {one.position: one for one in _of_unnamed(judged, sight, setting)}
    for p in judged:
        if p.position not in setting.unnamed and (one := _dealt(p, sight)):
            found[p.position] = one
    repeating = [p for p in judged if p.position not in {*found, *setting.unnamed} and _may_repeat(p)]
    for p, evidence in _most_likely(repeating, sight):
        if one := _repeated(p, evidence, sight, setting):
            found[p.position] = one
    return [found[position] for position in sorted(found)]


def most_shared(found: Sequence[Identified]) -> int | None:
    """The column, by position, of which a row's label follows most from other rows with its value; None if of none."""
    sharing = [one for one in found if one.gap is not None]
    return max(sharing, key=lambda one: one.gap or 0.0).position if sharing else None


def identify_unnamed(identities: Identities, profiles: Sequence[Profile], setting: Setting) -> list[Identified]:
    """The columns without a name; see :func:`identify`. The split need not be known."""
    judged = [p for p in profiles if p.name not in setting.ruled_out]
    return _of_unnamed(judged, _Sight(identities, None), setting)


def _of_unnamed(judged: Sequence[Profile], sight: _Sight, setting: Setting) -> list[Identified]:
    unnamed = [p for p in judged if p.position in setting.unnamed]
    return [*_empty(unnamed, setting), *(_unnamed(p, sight, setting) for p in unnamed if p.filled)]


class _Sight:
    """The samples as the judgement asks them."""

    def __init__(self, identities: Identities, places: Places | None) -> None:
        self._identities = identities
        self._rows = identities.rows.table()
        self._places = places

    def _train(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Those of the training part, if the split is random: what is learned of labels is learned there."""
        return rows if self._places is None else rows.filter(self._places.part() == 0)

    def samples(self, p: Profile) -> Iterator[tuple[pl.DataFrame, float]]:
        """``value``, ``label`` and ``u`` of different rows, and the share of the values that they are from."""
        name = f"v{p.position}"
        if self._rows is not None and name in self._rows.columns:
            rows = self._rows  # a select of a wide frame is slow
            yield pl.DataFrame({"value": rows[name], "label": rows["label"], "u": rows["u"]}).drop_nulls("value"), 1.0
        sample = self._identities.values.get(p.position)
        if sample is not None and (table := sample.table()) is not None:
            yield table.select("value", "label", "u"), sample.share

    def all_different(self, p: Profile) -> bool:
        return all(rows["value"].is_unique().all() for rows, _ in self.samples(p))

    def values(self, p: Profile) -> int:
        """Different values in a sample."""
        return max((rows["value"].n_unique() for rows, _ in self.samples(p)), default=0)

    def log_chance(self, p: Profile) -> float:
        """That the column is all different by chance."""
        span = (p.greatest or 0) - (p.least or 0) + 1
        return min(
            (log_chance_all_different(rows.height, max(span * share, 1)) for rows, share in self.samples(p)),
            default=0.0,
        )

    def repeating(self, p: Profile) -> pl.DataFrame | None:
        """The training rows of the sample in which most stand with another one of their value."""
        best: tuple[int, pl.DataFrame] | None = None
        for rows, _ in self.samples(p):
            train = self._train(rows).select("value", "label")
            together = int(train["value"].is_duplicated().sum())
            if best is None or together > best[0]:
                best = together, train
        return best[1] if best and best[0] else None

    def follower(self, p: Profile) -> str | None:
        """The name of another column that has one value for each value of this one, as names have and quantities
        do not: it differs between neighbours."""
        if self._rows is None:
            return None
        rows, own = self._train(self._rows), f"v{p.position}"
        values = rows[own].n_unique()
        for name in self._identities.others(p.position, _MAX_OTHERS):
            pair = rows.select(pl.col(own).alias("value"), pl.col(name).alias("other")).drop_nulls()
            if 2 <= pair["other"].n_unique() <= values / 3 and _follows(pair):
                return self._identities.name(name)
        return None


def _follows(pair: pl.DataFrame) -> bool:
    by_value = (
        pair.group_by("value")
        .agg(pl.len().alias("n"), pl.col("other").n_unique().alias("others"), pl.col("other").min())
        .sort("value")
    )
    repeated = by_value.filter(pl.col("n") > 1)
    if not repeated.height:
        return False
    constant = int((repeated["others"] == 1).sum()) / repeated.height
    if constant < _MIN_CONSTANT:
        return False
    shares = [rows / pair.height for rows in pair.group_by("other").len()["len"]]
    sizes = repeated.group_by("n").len()
    chance = sum(values * sum(share**n for share in shares) for n, values in sizes.iter_rows()) / repeated.height
    if repeated.height * (1 - chance) < _MIN_EXPECTED_IMPURE:
        return False
    alike = sum(share * share for share in shares)
    beside = int((by_value["other"] == by_value["other"].shift()).sum()) / by_value.height
    return bool((constant - chance) / (1 - chance) >= _MIN_EXCESS and (beside - alike) / (1 - alike) <= _MAX_NEIGHBOURS)


def _empty(unnamed: Sequence[Profile], setting: Setting) -> list[Identified]:
    """The columns that have neither a name nor values. One finding is about them all: it stands with the first."""
    empty = [p.position for p in unnamed if not p.filled]
    if not empty:
        return []
    numbers = [str(position + 1) for position in empty[:_MAX_NUMBERED]]
    more = f" and {len(empty) - _MAX_NUMBERED:,} more" if len(empty) > _MAX_NUMBERED else ""
    which = f"column {numbers[0]} has" if len(empty) == 1 else f"columns {', '.join(numbers)}{more} have"
    what = (
        f"{which} neither a name nor values and was left out; a delimiter at the end of each line makes such a column"
    )
    what = what.replace("and was left", "and were left") if len(empty) > 1 else what
    finding = Finding(rule=Rule.UNNAMED_COLUMN, line=setting.header_line, what=what)
    reason = "has neither a name nor values"
    return [Identified(position, reason, None if n else finding) for n, position in enumerate(empty)]


def _unnamed(p: Profile, sight: _Sight, setting: Setting) -> Identified:
    """Of a column without a name that has values: an index, or a mistake."""
    place = f"column {p.position + 1} has no name"
    line = setting.header_line
    if _is_pandas_index(p, sight):
        what = f"{place} and {_numbers(p, sight)}; it was left out as the table's index"
        return Identified(
            p.position, "is the table's index, without a name", Finding(rule=Rule.ROW_INDEX, line=line, what=what)
        )
    if p.kind is Kind.TEXT and not p.missing and sight.all_different(p):
        what = f"{place} and a text of its own in every row; it was left out as the names of the rows"
        return Identified(
            p.position, "is the names of the rows, without a name", Finding(rule=Rule.ROW_INDEX, line=line, what=what)
        )
    what = f"{place}, and it is no index: {_why_no_index(p)} (`drop` calls it `{shown(p.name)}`)"
    return Identified(p.position, None, Finding(rule=Rule.HEADER_BLANK, line=line, what=what), refuses=True)


def _why_no_index(p: Profile) -> str:
    if p.kind is Kind.NUMBER and not p.whole:
        return "it has fractions"
    if p.missing:
        return f"{p.missing:,} rows have no value in it"
    return f"it holds {'dates' if p.kind is Kind.DATE else 'values that repeat'}"


def _dealt(p: Profile, sight: _Sight) -> Identified | None:
    """Of a column of whole numbers that are all different, or that pandas named."""
    if p.kind is not Kind.NUMBER or not p.whole or p.constant or p.counts_rows or p.all_different:
        return None
    if _PANDAS_NAME.fullmatch(p.name) and _is_pandas_index(p, sight):
        return _index(p, f"its name says index, and {_numbers(p, sight)}")
    if p.missing or not sight.all_different(p):
        return None
    is_count = p.least in (0, 1) and (p.greatest or 0) - p.least + 1 == p.rows
    max_chance = MAX_LOG_CHANCE if is_count else MAX_LOG_CHANCE_WITH_GAPS
    if sight.log_chance(p) <= max_chance and not _are_years(p):
        return _index(p, _numbers(p, sight))
    if strength(p.name) == _SURE:
        return Identified(p.position, "is an identifier: whole numbers, every one different, and its name says so")
    return None


def _index(p: Profile, why: str) -> Identified:
    what = f"{why}, so it was left out as an index of the rows"
    return Identified(p.position, "is an index of the rows", Finding(rule=Rule.ROW_INDEX, column=p.name, what=what))


def _is_pandas_index(p: Profile, sight: _Sight) -> bool:
    """Also of two tables that were put together: then its numbers repeat."""
    is_count = p.kind is Kind.NUMBER and p.whole and not p.missing and (p.least or 0) >= 0
    return is_count and sight.values(p) >= MIN_DIFFERENT


def _are_years(p: Profile) -> bool:
    return _YEARS[0] <= (p.least or 0) and (p.greatest or 0) <= _YEARS[1]


def _numbers(p: Profile, sight: _Sight) -> str:
    least, greatest = p.least or 0.0, p.greatest or 0.0
    if not sight.all_different(p):
        return f"it counts from {least:,.0f} to {greatest:,.0f}"
    span = "each once" if greatest - least + 1 == p.rows else "no one twice"
    return f"its whole numbers lie between {least:,.0f} and {greatest:,.0f}, {span}"


def _may_repeat(p: Profile) -> bool:
    if p.kind is Kind.NUMBER:
        return p.whole and not p.constant and not p.counts_rows and not p.all_different
    return p.kind is Kind.TEXT and not p.constant and p.distinct >= MIN_DIFFERENT


def _most_likely(profiles: Sequence[Profile], sight: _Sight) -> Iterator[tuple[Profile, Shared]]:
    """The columns whose values repeat as identifiers do, with what their rows share: first those whose name says so."""
    judged = 0
    for p in sorted(profiles, key=lambda p: -strength(p.name)):
        rows = sight.repeating(p)
        if rows is None or judged >= _MAX_JUDGED:
            continue
        evidence = shared(rows, ordered=p.kind is Kind.NUMBER, compared=len(profiles))
        if evidence is None or (evidence.top_share > _MAX_TOP_SHARE and not strength(p.name)):
            continue
        judged += 1
        yield p, evidence


def _repeated(p: Profile, evidence: Shared, sight: _Sight, setting: Setting) -> Identified | None:
    says, is_random = strength(p.name), setting.places is not None
    if p.kind is Kind.NUMBER:
        sharing = is_random and (evidence.beyond_chance(MIN_GAP) if says else evidence.label_is_constant)
        why = _why_identifier(says, p, sight, sharing=sharing)
        left_out = why is not None
    else:
        sharing = evidence.beyond_chance(MIN_GAP if says == _SURE else MIN_GAP_OF_CATEGORY)
        sharing = sharing and is_random and (says == _SURE or (says > 0 and _is_coded(p)))
        left_out = says == _SURE and (sharing or evidence.rows_per_value <= _MAX_ROWS_PER_TEXT)
        why = "its name says so" if left_out else None
    if sharing:
        return _sharing(p, evidence, left_out=left_out)
    if why is None:
        return None
    each = f"{evidence.rows_per_value:,.1f} rows have the same value on average"
    what = f"it is an identifier ({why}; {each}), so it was left out: the order of identifiers means nothing"
    return Identified(p.position, _REASON, Finding(rule=Rule.IDENTIFIER, column=p.name, what=what))


def _why_identifier(says: int, p: Profile, sight: _Sight, *, sharing: bool) -> str | None:
    """Why a column of whole numbers that repeat is no quantity; None if it may be one."""
    if says == _SURE:
        return "its name says so"
    if sharing:
        return "rows of one value share their label, and rows of the next value do not"
    follower = sight.follower(p) if says else None
    return None if follower is None else f"`{shown(follower)}` has one value for each of its values, in no order"


def _is_coded(p: Profile) -> bool:
    if p.levels is None or not p.levels.height:
        return False
    return float(p.levels["cell"].str.contains(_CODE).mean() or 0.0) >= _MIN_CODED  # type: ignore[arg-type]


def _sharing(p: Profile, evidence: Shared, *, left_out: bool) -> Identified:
    """Rows of one value share their label: a random split puts them into training and test data alike."""
    setting = f"`split: {{group_by: {in_yaml(p.name)}}}`"
    losses = (
        f"a row that is predicted by the other rows with its value costs a log loss of {evidence.own:.3f}, a row with "
        f"a new value {evidence.near:.3f}"
    )
    if evidence.label_is_constant:
        what = (
            f"rows with the same value have the same label ({evidence.values:,} values, {evidence.rows_per_value:,.1f} "
            f"rows each on average), and a random split puts them into training and test data: {losses}. The test "
            f"would measure the first; with {setting} it measures the second"
        )
        finding = Finding(rule=Rule.LABEL_BY_IDENTIFIER, column=p.name, what=what)
        return Identified(p.position, _REASON, finding, refuses=True)
    what = (
        f"rows with the same value share their label beyond chance: {losses}. A random split puts them into training "
        f"and test data, so the test may flatter the model; {setting} keeps them together"
    )
    what += ". The column was left out as an identifier" if left_out else ""
    finding = Finding(rule=Rule.LABEL_SHARED, column=p.name, what=what)
    return Identified(p.position, _REASON if left_out else None, finding, gap=evidence.gap)
