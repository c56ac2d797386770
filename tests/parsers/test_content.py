"""Bodies as lines and links."""

import pytest

from mailtrack.parsers.content import (
    MAX_LINKS,
    MAX_MARKED,
    MAX_TAG,
    MAX_TAGS,
    MAX_TREE,
    from_html,
    from_text,
    unwrap_url,
)


def _lines(html: str) -> list[str]:
    return list(from_html(html).lines)


def test_blocks_and_breaks_end_lines_and_inline_elements_do_not() -> None:
    html = "<div>a<b>b</b> <i>c</i></div><div>d<br>e</div>f"

    assert ["ab c", "d", "e", "f"] == _lines(html)


def test_paragraphs_and_double_breaks_leave_a_blank_line() -> None:
    assert ["a", "", "b", "", "c"] == _lines("<p>a</p><p>b</p>c".replace("c", "<br>c"))
    assert ["a", "", "b"] == _lines("a<br><br>b")


def test_cells_are_lines_but_a_title_cell_stays_with_its_value() -> None:
    assert ["a", "b"] == _lines("<table><tr><td>a</td><td>b</td></tr></table>")
    assert ["Objet : a"] == _lines("<table><tr><th>Objet :</th> <td> a</td></tr></table>")


def test_preformatted_text_keeps_its_lines() -> None:
    assert ["a", "", "b"] == _lines("<pre>a\n\nb</pre>")


def test_what_nobody_sees_is_left_out() -> None:
    html = "<head><title>t</title><style>s</style></head><script>x</script>a\u200c\u00a0\u200cb"

    assert ["a b"] == _lines(html)


def test_white_space_written_as_entities_ends_no_line() -> None:
    assert ["a b c"] == _lines("<p>a&#13;&#10;b&Tab;<a href='x'> c</a></p>")


def test_a_line_knows_the_class_around_it() -> None:
    content = from_html('<div class="outer"><b class="x_item-title"><i>a</i></b></div>b')

    assert ("a", "b") == content.lines
    assert {"a": "x_item-title"} == content.marks


ROW = '<tr><td><b>a</b> b</td><td><a href="https://c.example/">c</a></td></tr>'
HIDDEN = "<style>s</style><script>x < y</script><title>t</title>"


@pytest.mark.parametrize("rows", [1, MAX_TREE // 20, MAX_TREE // 5])
def test_lines_and_links_are_the_same_however_many_tags_a_body_has(rows: int) -> None:
    content = from_html(f"{HIDDEN}<table>{ROW * rows}</table><p>1 < 2</p>")

    assert ("a b", "c") * rows + ("", "1 < 2") == content.lines
    assert rows == len(content.links)
    assert [2 * n + 1 for n in range(rows)] == [link.line for link in content.links]


def test_formatting_without_end_is_not_opened_anew_in_each_block() -> None:
    content = from_html("".join(f"<p><b class=item-title id={n}>a{n}" for n in range(1_500)))

    assert 1_500 == sum(map(bool, content.lines))
    assert "item-title" == content.marks["a1499"]


def test_of_classes_inside_each_other_the_innermost_counts() -> None:
    content = from_html(
        '<div class="a-item-title">a<div class="b-item-title">b</div></div>'
        f'<div class="item-title">{"c" * MAX_MARKED}</div><div class="item-title">d</div>'
    )

    assert {"a": "a-item-title", "b": "b-item-title"} == content.marks


def test_a_tag_without_end_leaves_the_others_alone() -> None:
    picture = f'<img src="data:image/png;base64,{"A" * MAX_TAG}">'

    assert ["a b"] == _lines(f"<p>a {picture}b</p>")
    assert ["a"] == _lines(f"<p>a</p><a {'b=c ' * MAX_TAG}")


def test_a_part_of_a_body_keeps_only_its_own_links() -> None:
    content = from_html(
        '<p><a href="https://a.example/">a</a></p><p><a href="https://b.example/">b'
    )

    rest = content.between(content.lines.index("b"))

    assert ["https://b.example/"] == [link.url for link in rest.links]


def test_links_in_comments_do_not_shift_the_others() -> None:
    html = (
        '<!--[if mso]><a href="https://a.example/">a</a><![endif]--><p>one</p>'
        '<p><a href="https://b.example/">b</a></p>'
    )

    content = from_html(html)

    assert [("https://b.example/", 2)] == [(link.url, link.line) for link in content.links]


def test_links_that_the_parser_copies_are_kept_whatever_is_cut() -> None:
    html = '<p>one</p><a href="https://a.example/"><div>two<p>three</p></div></a>'

    urls = {link.url for link in from_html(html).between(1).links}

    assert {"https://a.example/"} == urls


def test_capital_tags_and_indented_html_make_the_same_lines() -> None:
    html = "<DIV>\n  a\n  <BR>\n  <P>b</P>\n <TABLE><TR>\n<TD>c</TD></TR></TABLE></DIV>"

    assert ["a", "", "b", "", "c"] == _lines(html)


def test_marks_of_direction_are_left_out() -> None:
    assert ["LP00827165784034"] == _lines("<p>LP008\u202e2716\u202c5784034</p>")


def test_a_body_is_read_to_a_limit() -> None:
    assert MAX_TAGS >= len(from_html("<p>x</p>" * 3 * MAX_TAGS).lines)
    urls = " ".join(f"https://a.example/{n}" for n in range(2 * MAX_LINKS))
    assert MAX_LINKS == len(from_text(urls).links)
    assert MAX_LINKS == len(from_html('<a href="https://a.example/">x' * 2 * MAX_LINKS).links)


def test_entities_in_links_are_read_once() -> None:
    content = from_html('<a href="https://a.example/?b=1&amp;tradeOrderId=30">x</a>')

    assert "https://a.example/?b=1&tradeOrderId=30" == content.links[0].url


def test_links_of_plain_text_are_found_even_broken_over_lines() -> None:
    content = from_text("Suivre <https://a.example/x?\nb=1&\nc=2>\nou https://b.example/y.\n")

    assert ["https://a.example/x?b=1&c=2", "https://b.example/y"] == [
        link.url for link in content.links
    ]


@pytest.mark.parametrize(
    "url",
    [
        "https://www.google.com/url?q=https%3A%2F%2Fa.example%2F%3Fb%3D1&source=gmail",
        "https://eur01.safelinks.protection.outlook.com/?url=https%3A%2F%2Fa.example%2F%3Fb%3D1&data=x",
        "https://urldefense.com/v3/__https://a.example/?b=1__;!!abc",
        "https://a.example/?b=1",
    ],
)
def test_the_addresses_of_link_scanners_are_unwrapped(url: str) -> None:
    assert "https://a.example/?b=1" == unwrap_url(url)


@pytest.mark.parametrize(
    "url", ["https://[::1", "https://www.google.com/url?q=javascript:x", "https://evil-google.com/?q=https://b"]
)  # fmt: skip
def test_other_addresses_stay_as_they_are(url: str) -> None:
    assert url == unwrap_url(url)
