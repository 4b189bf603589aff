"""What withdraws consent and what doesn't: who wants no more is heeded, and nobody is cut off by a question.

`¶` stands for the end of a line.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from svyazka.model.consent import LONGEST, Consent, consent_in

WITHDRAWN = [
    *[" стоп! "],
    *(
        line.replace("¶", "\n")
        for line in """\
СТОП
Stop.
/stop
/stop@our_bot
/stop please
отписаться
Отписка
unsubscribe
Стоп. Спасибо
Стоп, спасибо!
Спасибо, стоп
Отпишите меня
отпишите меня, пожалуйста
Cтоп
CТOП
cтoп
стооооп!!!
СТОП СТОП СТОП
стоп рассылка
STOP SMS
Stop all messages please
Добрый день. Отпишите меня от рассылки, пожалуйста. С уважением, Иван
Хочу отписаться
я хочу отписаться от рассылки
Прошу отписать мой номер
Стоп¶¶Иван Петров¶ООО «Ромашка»¶+7 999 123-45-67
Стоп. Иван Петров
Стоп¶--¶Отправлено с iPhone, есть вопросы?
стоп¶> Вы довольны? Оставьте отзыв
Отпишите¶¶вт, 3 мар. 2026 г. в 10:00, Кофейня <a@b.ru> пишет:¶> Как вам у нас?
Стоп¶14.03.2026 Кофейня wrote:¶Как вам?
не пишите мне больше
Больше не пишите!
Не присылайте мне смс
не надо мне писать
не беспокоить
Хватит писать!
хватит слать мне спам
прекратите рассылку
Перестаньте присылать сообщения
Удалите меня из базы
уберите мой номер из списка
Отключите рассылку
Отпишите меня и больше не беспокойте
Do not text me
Don't text me anymore
Don’t write
remove me from the list
Unsubscribe me, please
отпиши меня!!!
Да, стоп
ОТПИСАТЬСЯ ОТ РАССЫЛКИ
""".splitlines()
    ),
]

NEITHER = [
    *["", None, "стоп" * 2000, "стоп\n" + "строка\n" * 20],
    *(
        line.replace("¶", "\n")
        for line in """\
!
?
стоп?
когда стоп?
стоп-лист обновили?
Стоп-лист
стоп звонить мне
/help stop
start src_site
Стоп, машина!
Стоп. Подождите
Стоп. А когда будет заказ?
стоп не надо отменять запись
не отписывайте меня
я не отписываюсь
Как отписаться?
Можно отписаться?
Почему нет кнопки отписаться
Не хочу писать отзыв
не хочу писать
не могу писать
не буду писать
не пишите мне после 21
Удалите мой заказ
Удалите меня из записи на завтра
отмените запись
отмените заказ
хватит
хватит на двоих?
не надо
нет
спасибо
Спасибо, всё отлично!
Отписался в чате
остановка Стоп-Кафе
нонстоп
non-stop
автостоп
stopping
Иван Петров
Больше
смс
мне
стопудово
Не останавливайтесь!
Вы писали: стоп
remove the onions
do not
Столик на двоих, стоп
старт?
Старт. Спасибо
""".splitlines()
    ),
]


@pytest.mark.parametrize("text", WITHDRAWN)
def test_who_wants_no_more_is_heeded(text: str) -> None:
    assert consent_in(text) is Consent.WITHDRAWN


@pytest.mark.parametrize("text", NEITHER)
def test_what_is_about_something_else_changes_nothing(text: str | None) -> None:
    assert consent_in(text) is None


@pytest.mark.parametrize(
    "text", ["/start", "/start src_site", "Старт", "Start", "CTAPT", "Cтарт!", "подписаться", "subscribe"]
)
def test_consent_is_given_by_the_bare_word(text: str) -> None:
    assert consent_in(text) is Consent.GIVEN


@pytest.mark.parametrize("question", ["?", " почему?", "\nКогда привезут заказ?"])
def test_no_question_withdraws_anything(question: str) -> None:
    own = [text for text in WITHDRAWN if not any(sign in text for sign in ("/", ">", "--", ":", "уважением"))]
    assert len(own) > 30
    assert [text for text in own if consent_in(text + question)] == []


@given(st.text("стопСТcoпp. !?\n-мен яотпиш/>’", max_size=60))
def test_any_text_can_be_read(text: str) -> None:
    assert consent_in(text) in (None, Consent.GIVEN, Consent.WITHDRAWN)
    assert consent_in("я" * (LONGEST + 1) + text) is None
