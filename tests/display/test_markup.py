"""HTML views show what the text views show, and nothing in a value is live."""

import html.parser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bucketsnb.display import markup, texts
from bucketsnb.display.markup import Markup, block, chip, element, escape


class _Reader(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags, self.rows = [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in {"td", "th"}:
            self.rows[-1].append("")

    def handle_data(self, data):
        if self.rows:
            self.rows[-1][-1] += data


def read(markup):
    reader = _Reader()
    reader.feed(markup)
    reader.close()
    return reader


values = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text())


@given(st.lists(st.tuples(values, values), max_size=4))
def test_text_and_html_tables_show_the_same_cells(rows):
    shown = read(markup.table(["a", "b"], rows)).rows
    assert shown == [[texts.cell(value) for value in row] for row in [("a", "b"), *rows]]
    text = texts.table(["a", "b"], rows)
    assert all(cell.strip() in text for row in shown for cell in row)


@given(st.text())
def test_no_value_makes_an_element(text):
    assert read(block(text, text)).tags == ["div", "p", "strong", "p"]
    assert read(chip(text)).tags == ["span"]


@pytest.mark.parametrize(
    "hostile", ["<script>alert(1)</script>", "\u202egnp.exe", "\x1b[2J", '"><img src=x onerror=alert(1)>']
)
def test_markup_control_and_bidi_characters_are_inert_and_visible(hostile):
    for drawn in (escape(hostile), chip(hostile), markup.table([hostile], [[hostile]], caption=hostile)):
        assert hostile not in drawn
        assert texts.printable(hostile) in drawn.plain


def test_attributes_are_escaped():
    assert element("a", "x", title='"><b>') == '<a title="&quot;&gt;&lt;b&gt;">x</a>'


def test_markup_is_escaped_once():
    assert escape(Markup("<b>x</b>")) == "<b>x</b>"
    assert escape(escape("<")) == "&lt;"


def test_every_status_has_a_colour_of_its_own():
    colours = list(markup.STATUS_COLOURS.values())
    assert len(set(colours)) == len(colours) == 5
