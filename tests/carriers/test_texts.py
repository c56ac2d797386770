"""Carriers' texts, made fit to be kept and compared."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailtrack.carriers.texts import (
    MAX_TEXT,
    comparable,
    comparable_code,
    split_place,
    tidy,
    without_people,
)


def test_tabs_and_no_break_spaces_become_single_spaces() -> None:
    assert "Latest Number: X" == tidy(" Latest\tNumber:\u00a0\u202f X \n")


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("揽投部已收件（揽投员姓名：张三,联系电话:13812345678）", "揽投部已收件"),
        ("快件交给张三，正在派送途中（联系电话：13812345678）", "快件交给，正在派送途中"),
        ("派送员：李四，电话：010-12345678，正在派送", "正在派送"),
        ("Out for delivery, courier: Jean Martin, phone: +33 6 39 98 12 34", "Out for delivery"),
        ("Delivered, phone 0639981234", "Delivered"),
        ("Livreur : Jean Martin. Tél. 06 39 98 12 34", ""),
        ("Contact us at depot@carrier.example", "Contact us at"),
        ("Call +33639981234", "Call"),
    ],
)
def test_names_and_telephones_of_postmen_are_left_out(text: str, kept: str) -> None:
    assert kept == without_people(text)


@pytest.mark.parametrize("before", range(MAX_TEXT - 15, MAX_TEXT + 1))
def test_no_part_of_a_telephone_is_left_where_a_text_is_cut(before: int) -> None:
    text = "a" * before + " 06 39 98 12 34 et la suite" * 100

    assert not any(map(str.isdigit, without_people(text)))


def test_an_endless_text_is_compared_by_its_beginning() -> None:
    assert comparable("Delivered " * 10_000) == comparable(("Delivered " * 100)[:MAX_TEXT])


@pytest.mark.parametrize(
    "text",
    [
        "Votre colis est disponible pendant 10 jours ouvrables.",
        "Delivered to 2026-03-02 09:00",
        "13199341485349 pris en charge",
        "已交给航空公司",
        "电话无人接听",
    ],
)
def test_other_texts_stay_as_they_are(text: str) -> None:
    assert text == without_people(text)


@pytest.mark.parametrize(
    ("text", "place", "rest"),
    [
        ("[Shatian Town] Departed", "Shatian Town", "Departed"),
        ("【北京市】 离开", "北京市", "离开"),
        ("Departed [later]", "", "Departed [later]"),
        ("[Shatian Town]", "", "[Shatian Town]"),
        ("[] Departed", "", "[] Departed"),
    ],
)
def test_a_place_stands_in_front_in_brackets(text: str, place: str, rest: str) -> None:
    assert (place, rest) == split_place(text)


def test_texts_are_compared_without_case_accents_punctuation_and_prefixes() -> None:
    assert "en attente d etre retire" == comparable("En attente d’être retiré.")
    assert comparable("[Town] Out for\u00a0delivery ") == comparable(
        "carrier note: OUT FOR DELIVERY!"
    )


def test_codes_are_compared_without_case_and_padding() -> None:
    assert ("GTMS_SIGNED", "DC") == (comparable_code("gtms signed"), comparable_code("DC "))


@settings(deadline=None)
@given(st.text())
def test_the_comparable_form_is_stable(text: str) -> None:
    once = comparable(text)

    assert once == comparable(once)
