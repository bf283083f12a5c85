"""Settings of Sphinx, which makes HTML of the chapters: ``python docs/build.py html``.

The chapters are plain Markdown, as GitHub shows it. What only Sphinx needs is here: the table of
contents, formulas as MathML, which browsers display without a script or a network, and a
search that finds words of Chinese, which are written without spaces.
"""

import pkgutil
import re
import sys
from pathlib import Path

from dltutorials import models

from docutils import nodes
from latex2mathml.converter import convert
from sphinx.search.en import SearchEnglish

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

import build  # noqa: E402

ENGLISH = ["getting_started", *models.CHAPTERS]
CHINESE = [f"zh/{name}" for name in ENGLISH if (HERE / "zh" / f"{name}.md").exists()]
CHAPTERS = [*ENGLISH, *CHINESE]
RUN = ("Run this chapter in a hosted notebook on Binder", "在 Binder 托管的 notebook 中运行本章")
CONTENTS = {
    "Chapters": ENGLISH,
    "中文版": CHINESE,
    "Guides": build.GUIDES,
    "Project": build.PROJECT,
}

project = "dltutorials"
html_title = "dltutorials"
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
add_module_names = False
napoleon_use_ivar = True
autodoc_typehints = "none"  # the docstrings say more: shapes, ranges, units
exclude_patterns = ["_build"]
myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 3
html_theme = "furo"
html_math_renderer = "mathml"
html_show_sphinx = False
html_use_index = False
html_show_copyright = False
html_copy_source = False
html_static_path = ["_static"]
html_css_files = ["chapters.css"]
html_search_language = "en-zh"

THIN = '<mspace width="0.167em"/>'
UNITS = r"(?<=\d) (?=(?:%|[MG]iB|m?s|x)(?!\w)|\u00d7)|(?<=\u00d7) (?=\d)"
KEPT = r'<span class="kept">\1\2</span>'
MARKS = r"[\u3001\u3002\uff01-\uff1f]"  # Chinese punctuation


class SearchEnglishAndChinese(SearchEnglish):
    """English words, and of Chinese every pair of neighbouring characters.

    A search for 梯度下降 then is one for 梯度, 度下 and 下降, whatever a dictionary would take for
    its words.
    """

    lang = "en-zh"
    _parts = re.compile(r"[\u4e00-\u9fff]+|[^\W\u4e00-\u9fff]+")
    js_splitter_code = r"""
function splitQuery(query) {
    const parts = query.match(/[\u4e00-\u9fff]+|[^\u4e00-\u9fff]+/gu) || [];
    return parts.flatMap(part => {
        if (!/[\u4e00-\u9fff]/.test(part))
            return part.split(/[^\p{Letter}\p{Number}_]+/gu).filter(word => word);
        if (part.length < 3)
            return [part];
        return Array.from({length: part.length - 1}, (_, i) => part.slice(i, i + 2));
    });
}
"""

    def split(self, input):
        """Return the words of a text, as ``splitQuery`` does with a query in the browser."""
        words = []
        for part in self._parts.findall(input):
            if "\u4e00" <= part[0] <= "\u9fff":
                words += list(part)
                words += [part[i : i + 2] for i in range(len(part) - 1)]
            else:
                words.append(part)
        return words


def adapt_source(app, docname, source):
    """Write what in the files GitHub would not understand: contents, links out of the folder."""
    outside = r"(?:\.\./)+(?:README|CHANGELOG|CONTRIBUTING)\.md"
    source[0] = re.sub(rf"\]\(({outside})\)", r"](path:\1)", source[0])
    # GitHub wants a space between a formula and Chinese punctuation; a reader does not.
    source[0] = re.sub(rf"(?<=\$) (?={MARKS})|(?<={MARKS}) (?=\$)", "", source[0])
    link = build.find_launch_link(docname) if docname in CHAPTERS else None
    if link:
        source[0] = source[0].replace("\n\n", f"\n\n[{RUN[docname[:3] == 'zh/']}]({link})\n\n", 1)
    if docname == "api":
        source[0] = re.sub(
            r"^`[\w.]+`(?:,\s`[\w.]+`)*$", list_docstrings, source[0], flags=re.MULTILINE
        )
    if docname == "index":
        for caption, names in CONTENTS.items():
            pages = "\n".join(names)
            source[0] += f"\n```{{toctree}}\n:hidden:\n:caption: {caption}\n\n{pages}\n```\n"


def list_docstrings(names):
    """Return a block that shows the docstrings of names, for these names in a page."""
    lines = []
    for name in re.findall(r"[\w.]+", names.group()):
        found = pkgutil.resolve_name(f"dltutorials.{name}")
        lines.append(
            f".. auto{'class' if isinstance(found, type) else 'function'}:: dltutorials.{name}"
        )
        fields = ", ".join(getattr(found, "_fields", ()))  # the class says what they are
        lines += ["   :members:", f"   :exclude-members: {fields}"] * isinstance(found, type)
    return "\n".join(["```{eval-rst}", *lines, "```"])


def name_language(app, pagename, templatename, context, doctree):
    """Tell the browser of a page in Chinese, so that it takes the right forms of characters."""
    if pagename.startswith("zh/"):
        context["language"] = "zh-CN"


def keep_together(app, pagename, templatename, context, doctree):
    """Part neither a number from its unit nor a formula from the punctuation after it."""
    formula = r"(<math(?:(?!</math>).)*</math>)"
    body = re.sub(rf"{formula}((?:[,.;:)]|{MARKS})+)", KEPT, context.get("body", ""))
    parts = re.split(r"(<pre>.*?</pre>|<[^>]*>)", body, flags=re.DOTALL)
    parts[::2] = [re.sub(UNITS, "\u00a0", each) for each in parts[::2]]
    context["body"] = "".join(parts)


def to_mathml(formula, **options):
    """Return MathML with the spaces that TeX has around a function, and none after a sign."""
    text = convert(formula, **options).replace("<mi>&#x0007E;</mi>", "<mo>&#x0223C;</mo>")
    text = re.sub(r"(</m(?:i|n|sub)>|&#x00029;</mo>)(?=<mi>log)", rf"\1{THIN}", text)
    text = re.sub(r"<mi>log</mi>(?=<m(?:i|n|sub|frac|row))", rf"\g<0>{THIN}", text)
    begins = r"((?:\[|&#x000(?:28|2C|3D|B7);)</mo>)<mo>(?=&#x02212;)"
    return re.sub(begins, r'\1<mo form="prefix">', text)


def visit_math(self, node):
    """Write a formula in a line of text as MathML."""
    self.body.append(to_mathml(node.astext()))
    raise nodes.SkipNode


def visit_displayed_math(self, node):
    """Write a formula of its own line as MathML."""
    self.body.append(f'<div class="math">{to_mathml(node.astext(), display="block")}</div>')
    raise nodes.SkipNode


def setup(app):
    """Tell Sphinx of all these."""
    app.add_search_language(SearchEnglishAndChinese)
    app.add_html_math_renderer("mathml", (visit_math, None), (visit_displayed_math, None))
    app.connect("source-read", adapt_source)
    app.connect("html-page-context", name_language)
    app.connect("html-page-context", keep_together)
