"""What a column can be: by which words its heading says so, and how its cells are read."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from svyazka.catalogue import N_

SKIP = "skip"
"""What a person says of a column that isn't to be used."""


class Shape(StrEnum):
    """How the cells of a column are read."""

    CODE = "code"
    NAME = "name"
    PHONES = "phones"
    MAILS = "mails"
    DAY = "day"
    BIRTHDAY = "birthday"
    AMOUNT = "amount"
    COUNT = "count"
    SEX = "sex"
    FLAG = "flag"
    TAGS = "tags"
    TEXT = "text"


@dataclass(frozen=True, slots=True)
class Field:
    """One thing that a row tells of a person."""

    title: str
    shape: Shape
    words: str
    """What headings call it, in Russian and English, parted by commas; in lower case and without signs."""
    several: bool = False
    """Whether more than one column may tell it."""


FIELDS: Mapping[str, Field] = {
    "code": Field(N_("his code in the system that wrote the file"), Shape.CODE,
        "код, id, ид, uid, guid, код клиента, код контрагента, код контакта, id клиента, id контакта, ид клиента, "
        "внешний код, внешний id, номер клиента, client id, customer id, contact id, external id, код партнера"),
    "name": Field(N_("name"), Shape.NAME,
        "фио, ф и о, ф и о клиента, имя фамилия, фамилия имя, фамилия имя отчество, имя и фамилия, полное имя, "
        "полное имя контакта, наименование, полное наименование, контрагент, клиент, покупатель, контакт, партнер, "
        "контактное лицо, имя клиента, фио клиента, имя контакта, гость, пациент, ученик, name, full name, fio, "
        "client, "
        "customer, customer name, contact name, client name, contact"),
    "first_name": Field(N_("first name"), Shape.NAME, "имя, first name, firstname, given name"),
    "last_name": Field(N_("last name"), Shape.NAME, "фамилия, last name, lastname, surname, family name"),
    "patronymic": Field(N_("patronymic"), Shape.NAME, "отчество, patronymic, middle name, second name"),
    "phone": Field(N_("phones"), Shape.PHONES,
        "телефон, телефоны, тел, номер телефона, мобильный, мобильный телефон, моб телефон, моб тел, моб, сотовый, "
        "сотовый телефон, рабочий телефон, раб тел, домашний телефон, дом тел, другой телефон, прямой телефон, "
        "рабочий прямой телефон, контактный телефон, телефон клиента, телефон контакта, доп телефон, "
        "дополнительный телефон, контактные телефоны, whatsapp, phone, phones, phone number, mobile, mobile phone, "
        "work phone, home phone, cell, tel, telephone", several=True),
    "email": Field(N_("e-mail addresses"), Shape.MAILS,
        "e mail, email, почта, эл почта, электронная почта, адрес электронной почты, эл адрес, рабочий email, "
        "рабочий e mail, личный email, личный e mail, другой email, другой e mail, email клиента, mail, имейл, "
        "work email, home email, email address", several=True),
    "birthday": Field(N_("birthday"), Shape.BIRTHDAY,
        "дата рождения, день рождения, др, д р, дата рожд, рождение, дата рождения клиента, birthday, birth date, "
        "birthdate, date of birth, dob"),
    "sex": Field(N_("sex"), Shape.SEX, "пол, gender, sex"),
    "comment": Field(N_("comment"), Shape.TEXT,
        "комментарий, комментарии, примечание, примечания, заметка, заметки, комментарий к контакту, дополнительно, "
        "описание, доп информация, comment, comments, note, notes, description, remark", several=True),
    "tags": Field(N_("tags"), Shape.TAGS,
        "теги, тег, тэги, категория, категории, категория клиента, группа, группы, метки, сегмент, tags, tag, "
        "category, "
        "categories, labels, group, segment", several=True),
    "company": Field(N_("company"), Shape.TEXT,
        "компания, организация, название компании, место работы, company, organization"),
    "position": Field(N_("position"), Shape.TEXT, "должность, position, job title"),
    "address": Field(N_("address"), Shape.TEXT, "адрес, фактический адрес, почтовый адрес, адрес доставки, address"),
    "city": Field(N_("town"), Shape.TEXT, "город, населенный пункт, city, town"),
    "source": Field(N_("source"), Shape.TEXT,
        "источник, источник клиента, откуда узнал, откуда, канал, рекламный источник, source, utm source"),
    "spent": Field(N_("spent altogether"), Shape.AMOUNT,
        "сумма покупок, продано, оплачено, потрачено, оборот, выручка, сумма продаж, сумма заказов, ltv, spent, "
        "total spent, total, revenue, сумма"),
    "visits": Field(N_("visits"), Shape.COUNT,
        "количество визитов, визитов, визиты, кол во визитов, посещений, количество посещений, количество покупок, "
        "кол во покупок, количество заказов, число визитов, visits, orders, orders count"),
    "discount": Field(N_("discount"), Shape.AMOUNT, "скидка, процент скидки, discount"),
    "balance": Field(N_("balance"), Shape.AMOUNT,
        "баланс, бонусы, бонусный баланс, депозит, остаток бонусов, balance, bonus, bonuses, points"),
    "card": Field(N_("card"), Shape.CODE,
        "карта, номер карты, дисконтная карта, карта лояльности, код карты, штрихкод карты, card, card number, "
        "loyalty card"),
    "registered": Field(N_("client since"), Shape.DAY,
        "дата создания, дата регистрации, первый визит, дата первого визита, дата добавления, создан, клиент с, "
        "created, "
        "created at, registered, registration date, first visit"),
    "last_visit": Field(N_("last visit"), Shape.DAY,
        "последний визит, дата последнего визита, дата последней покупки, последняя покупка, last visit, last order"),
    "consent": Field(N_("consent to advertising"), Shape.FLAG,
        "согласие, согласие на рассылку, согласен на рассылку, подписан на рассылку, рассылка, subscribed, "
        "consent, opt in"),
}  # fmt: skip
"""By canonical name. What isn't here may be taken too: by the name that the CRM's settings have for it."""

OTHERS = frozenset({
    "менеджер", "менеджера", "ответственный", "ответственного", "сотрудник", "сотрудника", "мастер", "мастера",
    "автор",
    "кто", "создал", "изменил", "manager", "owner", "responsible", "staff", "employee", "юридического",
})  # fmt: skip
"""Words of headings that speak of somebody else than the client."""

_SIGNS = re.compile(r"[\W_]+")
_NUMBER_AFTER = re.compile(r"(?<!\s)\s+(?:n\s*|no\s*)?\d{1,2}\Z")


def plain(heading: str) -> str:
    """A heading as it is compared: small letters, no signs, `ё` as `е`."""
    return _SIGNS.sub(" ", heading.casefold().replace("ё", "е").replace("№", " ")).strip()


def without_number(heading: str) -> str:
    """`телефон 2` is a phone as well."""
    return _NUMBER_AFTER.sub("", heading)


NAMED: Mapping[str, str] = {word.strip(): name for name, one in FIELDS.items() for word in one.words.split(",")}
"""What a heading says, by its plain words."""
