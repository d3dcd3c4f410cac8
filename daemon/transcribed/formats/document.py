"""A transcript as a document for word processors (.docx): ECMA-376, Office Open XML, at its smallest.

Rules: the parts of the document are written here, so that only the standard library is needed. `clean` has already
removed the characters that XML cannot hold. The archive contains no time and is not compressed, so that the same
transcript gives the same bytes on any machine: the daemon knows its own files by their bytes. No font is set: the
styles have Word's own names, and each program shows them in its own way. The paper is that of the language's country.
"""

import io
import zipfile
from collections.abc import Iterator, Mapping
from html import escape

from transcribed.formats.content import TRANSCRIPT, Content
from transcribed.formats.direction import is_rtl
from transcribed.formats.findings import Section
from transcribed.formats.languages import tag_of
from transcribed.formats.paragraphs import about
from transcribed.formats.transcript import hms, plain_title

_XML = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_TYPE = "application/vnd.openxmlformats-officedocument.wordprocessingml"

_TYPES = f"""{_XML}<Types xmlns="{_PACKAGE}/content-types">
<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>
<Override PartName="/word/document.xml" ContentType="{_TYPE}.document.main+xml"/>
<Override PartName="/word/styles.xml" ContentType="{_TYPE}.styles+xml"/>
<Override PartName="/word/settings.xml" ContentType="{_TYPE}.settings+xml"/>
<Override PartName="/word/footer.xml" ContentType="{_TYPE}.footer+xml"/>
<Override PartName="/docProps/core.xml" ContentType="application/vnd.openxmlformats-package.core-properties+xml"/>
</Types>"""

_RELATIONS = f"""{_XML}<Relationships xmlns="{_PACKAGE}/relationships">
<Relationship Id="rId1" Type="{_OFFICE}/officeDocument" Target="word/document.xml"/>
<Relationship Id="rId2" Type="{_PACKAGE}/relationships/metadata/core-properties" Target="docProps/core.xml"/>
</Relationships>"""

_RELATIONS_OF_DOCUMENT = f"""{_XML}<Relationships xmlns="{_PACKAGE}/relationships">
<Relationship Id="rId1" Type="{_OFFICE}/styles" Target="styles.xml"/>
<Relationship Id="rId2" Type="{_OFFICE}/footer" Target="footer.xml"/>
<Relationship Id="rId3" Type="{_OFFICE}/settings" Target="settings.xml"/>
</Relationships>"""

_PROPERTIES = f"""{_XML}<cp:coreProperties xmlns:cp="{_PACKAGE}/metadata/core-properties"
 xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:dcterms="http://purl.org/dc/terms/"
 xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><dc:title>{{title}}</dc:title>{{more}}</cp:coreProperties>"""
_CREATED = '<dcterms:created xsi:type="dcterms:W3CDTF">{date}T00:00:00Z</dcterms:created>'

#: Without it Word opens a document in the way of an older version, and says so beside its name. 15: Word 2013.
_SETTINGS = f"""{_XML}<w:settings xmlns:w="{_W}"><w:compat><w:compatSetting w:name="compatibilityMode"
 w:uri="http://schemas.microsoft.com/office/word" w:val="15"/></w:compat></w:settings>"""

_FOOTER = f"""{_XML}<w:ftr xmlns:w="{_W}"><w:p><w:pPr><w:jc w:val="center"/></w:pPr>
<w:fldSimple w:instr=" PAGE "><w:r><w:t>1</w:t></w:r></w:fldSimple></w:p></w:ftr>"""

#: Where paper has the size Letter; it is A4 elsewhere. In twentieths of a point.
_LETTER = frozenset({"en-US", "en-CA", "fr-CA", "es-MX"})
_SIZES = {True: (12240, 15840), False: (11906, 16838)}

_HEADING = '<w:pPr><w:keepNext/><w:spacing w:before="240" w:after="80"/><w:outlineLvl w:val="{level}"/></w:pPr>'
_STYLES = f"""{_XML}<w:styles xmlns:w="{_W}"><!--language-->
<w:style w:type="paragraph" w:default="1" w:styleId="Normal"><w:name w:val="Normal"/>
<w:pPr><w:spacing w:after="120"/></w:pPr><w:rPr><w:sz w:val="22"/><w:szCs w:val="22"/></w:rPr></w:style>
<w:style w:type="paragraph" w:styleId="Heading1"><w:name w:val="heading 1"/><w:basedOn w:val="Normal"/>
{_HEADING.format(level=0)}<w:rPr><w:b/><w:bCs/><w:sz w:val="32"/><w:szCs w:val="32"/></w:rPr></w:style>
<w:style w:type="paragraph" w:styleId="Heading2"><w:name w:val="heading 2"/><w:basedOn w:val="Normal"/>
{_HEADING.format(level=1)}<w:rPr><w:b/><w:bCs/><w:sz w:val="26"/><w:szCs w:val="26"/></w:rPr></w:style>
</w:styles>"""


def docx(content: Content) -> bytes:
    """The transcript as a document: title, turns with names and times, and a heading for each analysis."""
    body = [
        _paragraph(plain_title(content.title), style="Heading1"),
        _paragraph(" · ".join(about(content.transcript, content.style))),
        *(part for section in content.leading_sections for part in _section(section)),
        _paragraph(TRANSCRIPT if content.sections else "", style="Heading2"),
        *(_paragraph(found.text, found.speaker, found.start_ms, content.language) for found in content.paragraphs),
        *(part for section in content.other_sections for part in _section(section)),
    ]
    tag = tag_of(content.language)
    shape = f'{_XML}<w:document xmlns:w="{_W}" xmlns:r="{_OFFICE}"><w:body>\n'
    document = f"{shape}{''.join(body)}{_page(tag)}</w:body></w:document>"
    return _archive(
        {
            "[Content_Types].xml": _TYPES,
            "_rels/.rels": _RELATIONS,
            "word/_rels/document.xml.rels": _RELATIONS_OF_DOCUMENT,
            "docProps/core.xml": _properties(content),
            "word/styles.xml": _STYLES.replace("<!--language-->", _proofed_as(tag)),
            "word/settings.xml": _SETTINGS,
            "word/footer.xml": _FOOTER,
            "word/document.xml": document,
        }
    )


def _properties(content: Content) -> str:
    """The facts of the file that a word processor shows: the title, the language, and the recording's day."""
    tag = tag_of(content.language)
    language = f"<dc:language>{tag}</dc:language>" if tag else ""
    created = _CREATED.format(date=content.date) if content.date else ""
    return _PROPERTIES.format(title=escape(plain_title(content.title), quote=False), more=language + created)


def _page(tag: str) -> str:
    """The paper and the footer of the document."""
    width, height = _SIZES[tag in _LETTER]
    size = f'<w:pgSz w:w="{width}" w:h="{height}"/>'
    margins = '<w:pgMar w:top="1134" w:right="1134" w:bottom="1134" w:left="1134" w:header="567" w:footer="567"/>'
    return f'<w:sectPr><w:footerReference w:type="default" r:id="rId2"/>{size}{margins}</w:sectPr>'


def _proofed_as(tag: str) -> str:
    """The language in which a word processor proofs the text; empty if it is not known."""
    form = f'<w:lang w:val="{tag}" w:eastAsia="{tag}" w:bidi="{tag}"/>'
    return f"<w:docDefaults><w:rPrDefault><w:rPr>{form}</w:rPr></w:rPrDefault></w:docDefaults>" if tag else ""


def _section(section: Section) -> Iterator[str]:
    yield _paragraph(section.title, style="Heading2")
    yield _paragraph(section.whole)
    for entry in section.entries:
        yield _paragraph(entry.text, entry.label, entry.start_ms, section.language, point=section.listed)


def _paragraph(
    text: str, name: str = "", start_ms: int | None = None, language: str = "", *, style: str = "", point: bool = False
) -> str:
    """A paragraph; empty if there is no text. `language` is that of the text, as far as it is known."""
    if not text:
        return ""
    rtl = is_rtl(text, language)
    time = _run(f"[{hms(start_ms)}] ", "", rtl=rtl) if start_ms is not None else ""
    lead = _run(f"{name}: ", "<w:b/><w:bCs/>", rtl=rtl) if name else ""
    shape = f'<w:pStyle w:val="{style}"/>' if style else ""
    shape += ("<w:bidi/>" if rtl else "") + ('<w:ind w:left="360" w:hanging="180"/>' if point else "")
    runs = f"{_run('• ', '', rtl=rtl) if point else ''}{time}{lead}{_run(text, '', rtl=rtl)}"
    return f"<w:p><w:pPr>{shape}</w:pPr>{runs}</w:p>\n"


def _run(text: str, form: str, *, rtl: bool = False) -> str:
    form += "<w:rtl/>" if rtl else ""
    return f'<w:r><w:rPr>{form}</w:rPr><w:t xml:space="preserve">{escape(text, quote=False)}</w:t></w:r>'


def _archive(parts: Mapping[str, str]) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, text in parts.items():
            archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), text)  # ZipInfo's default is no compression
    return content.getvalue()
