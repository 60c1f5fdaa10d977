"""How much the name of a column says that its values name things."""

from __future__ import annotations

import re
from typing import Final

SURE: Final = 2
"""Of the strength of a name."""

CODE: Final = r"^\S*\d\S*$"
"""A text of an identifier: a digit, and no blank."""

MIN_CODED: Final = 0.95
"""Share of a column's texts that look like codes."""

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


def strength(name: str) -> int:
    """How much a column's name says that it is an identifier: 2 surely, 1 perhaps, 0 nothing."""
    words = _words(name)
    if not words:
        return 0
    joined = "".join(words)
    if words[-1] in _STRONG_WORDS or words[0] in {"id", "uuid", "guid"} or joined in _STRONG_WORDS:
        return SURE
    return 1 if words[-1] in _WEAK_WORDS or joined in _WEAK_WORDS else 0


def _words(name: str) -> list[str]:
    """The words of a name in small letters: of ``customerID``, ``CUSTOMER_ID`` and ``Customer Id`` the same."""
    spaced = re.sub(r"(?<=[a-zß-ÿ0-9])(?=[A-Z])", " ", name)
    return [word.casefold() for word in re.split(r"[\W_]+", spaced) if word and not word.isdigit()]
