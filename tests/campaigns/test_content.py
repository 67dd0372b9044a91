import re
import time
from html.parser import HTMLParser
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns import content

EVERY_KIND = [
    {"type": "heading", "text": "Bells & towers", "size": "medium", "align": "center"},
    {"type": "text", "text": 'Dear {{ contact.first_name|default:"friend" }},\n\n**Come** to *noon*, [see](https://example.test/?a=1&b=2).\n- bread\n- milk\n1. first'},
    {"type": "image", "url": "https://example.test/a.png", "alt": 'A "bell"', "link": "https://example.test/bell"},
    {"type": "button", "label": "Tickets", "url": 'https://example.test/{{ contact.first_name|default:"x" }}'},
    {"type": "divider"},
    {"type": "spacer", "height": "40"},
    {"type": "columns", "left": "Left", "right": "Right", "left_image": "https://example.test/l.png", "left_alt": "L"},
    {"type": "footer", "text": "Why you get this"},
]  # fmt: skip


def mail(blocks=None, html: str = "", form: str = "blocks") -> content.Rendered:
    return content.render(SimpleNamespace(form=form, blocks=blocks, html=html, subject="", preview_text=""))


def test_every_kind_of_block_stands_in_the_mail():
    rendered = mail(EVERY_KIND)

    assert rendered.text == (
        "Bells & towers\n\n"
        'Dear {{ contact.first_name|default:"friend" }},\n\n'
        "Come to noon, see (https://example.test/?a=1&b=2).\n\n"
        "- bread\n- milk\n\n1. first\n\n"
        '[A "bell"] (https://example.test/bell)\n\n'
        "Tickets (https://example.test/{{ contact.first_name|default:'x' }})\n\n"
        "[L]\n\nLeft\n\nRight\n\n"
        "Why you get this\n\n"
        "{{ workspace.name }} · {{ workspace.postal_address }}\n\n"
        "Unsubscribe ({{ unsubscribe_url }})"
    )
    for part in (
        'lang="und"', "<strong>Come</strong>", "<em>noon</em>", "Bells &amp; towers", 'alt="A &quot;bell&quot;"',
        'href="https://example.test/?a=1&amp;b=2"', "prefers-color-scheme:dark", 'name="color-scheme"', "height:40px",
    ):  # fmt: skip
        assert part in rendered.html, part


def test_tags_of_a_mail_are_balanced():
    open_tags: list[str] = []
    void = {"meta", "br", "img", "hr", "link"}

    class Balance(HTMLParser):
        def handle_starttag(self, tag, attrs):
            if tag not in void:
                open_tags.append(tag)

        def handle_endtag(self, tag):
            assert open_tags.pop() == tag

    Balance().feed(re.sub(r"<!--.*?-->", "", mail(EVERY_KIND).html, flags=re.DOTALL))
    assert open_tags == []


def test_the_footer_cannot_be_left_out_or_doubled():
    for blocks in (
        [],
        [{"type": "text", "text": "x"}],
        [{"type": "footer"}, {"type": "footer"}, {"type": "text", "text": "x"}],
    ):
        html = mail(blocks).html
        assert html.count("{{ unsubscribe_url }}") == 1
        assert html.count("{{ workspace.postal_address }}") == 1
        assert content.clean_blocks(blocks)[-1]["type"] == "footer"


def test_clean_blocks_drops_what_is_not_of_the_shape():
    raw = [
        {"id": "a", "type": "heading", "text": "x\r\ny\x00", "size": "huge", "onclick": "x"},
        {"id": "a", "type": "spacer", "height": "9999999999"},
        {"id": "<b>", "type": "spacer", "height": 4},
        {"type": "script"},
        "nonsense",
        None,
    ]

    heading, tall, low, footer = content.clean_blocks(raw)

    assert heading == {"id": "a", "type": "heading", "text": "x y", "size": "large", "align": "left"}
    assert (tall["height"], low["height"], footer["type"]) == (24, 8, "footer")
    assert len({block["id"] for block in (heading, tall, low, footer)}) == 4
    assert all(re.fullmatch("[a-z0-9]+", block["id"]) for block in (tall, low))
    assert content.clean_blocks("nonsense")[0]["type"] == "footer"


@pytest.mark.parametrize(
    ("written", "html"),
    [
        ("a **b** c", "<p class=\"p\">a <strong>b</strong> c</p>"),
        ("a\nb\n\nc", '<p class="p">a<br/>b</p><p class="p">c</p>'),
        ("- a\n- b", '<ul class="list"><li>a</li><li>b</li></ul>'),
        ("1. a\n2) b", '<ol class="list"><li>a</li><li>b</li></ol>'),
        ("[a](https://b.test)", '<p class="p"><a href="https://b.test" class="link">a</a></p>'),
        ("[a](javascript:b)", '<p class="p">[a](javascript:b)</p>'),
        ("<b>&", '<p class="p">&lt;b&gt;&amp;</p>'),
        ("2 * 3 ** 4", '<p class="p">2 * 3 ** 4</p>'),
    ],
)  # fmt: skip
def test_markup_knows_little_and_escapes_the_rest(written, html):
    assert content.markup(written) == html


@given(st.text(max_size=200))
def test_no_text_breaks_out_of_a_block(text):
    blocks = [{"type": kind, **dict.fromkeys(content.BLOCKS[kind], text)} for kind in content.BLOCKS]

    html = mail(blocks).html

    assert "<script" not in html.replace("&lt;script", "")
    assert html.endswith("</body></html>")


@pytest.mark.parametrize(
    "hostile", ["**" * 10_000, "[a](" * 5_000, "*a" * 10_000, "[" * 20_000, "- \n" * 6_000]
)
def test_hostile_markup_takes_linear_time(hostile):
    began = time.perf_counter()
    content.markup(hostile)
    assert time.perf_counter() - began < 1


def test_html_is_sent_as_written_but_for_inlined_styles():
    plain = "<p>Hi {{ contact.first_name|default:\"you\" }} <a href='{{ unsubscribe_url }}'>Leave</a></p>"
    styled = '<html><head><style>p{color:red}@media (max-width:9px){p{color:blue}}</style></head><body><p>{{ contact.x|default:"y" }}</p></body></html>'

    assert mail(html=plain, form="html").html == plain
    inlined = mail(html=styled, form="html").html
    assert '<p style="color: red;">{{ contact.x|default:"y" }}</p>' in inlined
    assert "@media" in inlined


def test_nothing_is_fetched_while_inlining():
    html = '<link rel="stylesheet" href="https://127.0.0.1:1/x.css"><style>p{color:red}</style><p>Hi</p>'

    assert "color: red" in mail(html=html, form="html").html


def test_huge_html_is_refused():
    with pytest.raises(content.CannotRender):
        mail(html="x" * 1_000_001, form="html")


def test_cleaned_html_has_no_script_and_keeps_its_look():
    dirty = (
        '<body bgcolor="#eee" onload="x()"><style>p{color:red}</style><p style="margin:0" onclick="x()">Hi</p>'
        '<a href="javascript:x()">j</a><iframe src="//x"></iframe><form action="/x"><input></form><script>x()</script></body>'
    )

    clean = content.cleaned(dirty)

    assert clean == '<div bgcolor="#eee"><style>p{color:red}</style><p style="margin:0">Hi</p><a>j</a></div>'


def test_reading_tells_links_and_images():
    reading = content.read(
        '<a href="https://a.test">one <b>two</b></a><a href="">none</a><img src="b.png"><img src="c.png" alt="">'
    )

    assert reading.links == (content.Link("https://a.test", "one two"), content.Link("", "none"))
    assert reading.images == (content.Image("b.png", None), content.Image("c.png", ""))
