"""Draws the 24-dot letters of signs from Noto Sans Mono CJK SC into `noto24.bin`.

    python3 -m venv v && v/bin/pip install pillow==13.0.0
    v/bin/python make.py /usr/share/fonts/opentype/noto/NotoSansCJK-Bold.ttc

The letters drawn are ASCII, the whole of GB 2312, and what `more.txt` holds; to add one, put it there and run this again.
A record is 75 octets, ordered by code point: code point (u16, big-endian), width in dots (u8), 24 rows of 24 bits.
"""

import pathlib
import sys

from PIL import Image, ImageDraw, ImageFont

SIDE = 24
here = pathlib.Path(__file__).parent


def gb2312():
    for high in range(0xA1, 0xF8):
        for low in range(0xA1, 0xFF):
            try:
                yield bytes((high, low)).decode("gb2312")
            except UnicodeDecodeError:
                pass


def mono_face(path):
    """The Simplified Chinese face of the collection whose Latin letters are half as wide as its Chinese ones."""
    for index in range(64):
        try:
            font = ImageFont.truetype(path, SIDE, index=index)
        except OSError:
            break
        if font.getname()[0] == "Noto Sans Mono CJK SC":
            return font
    sys.exit("the collection has no Noto Sans Mono CJK SC")


def draw(font, letter, missing):
    width = SIDE if round(font.getlength(letter)) > SIDE // 2 else SIDE // 2
    image = Image.new("1", (SIDE, SIDE))
    pen = ImageDraw.Draw(image)
    pen.fontmode = "1"
    pen.text((0, 21), letter, font=font, fill=1, anchor="ls")
    rows = image.tobytes()
    if not letter.isspace() and (not any(rows) or rows == missing):
        return None
    return ord(letter).to_bytes(2, "big") + bytes((width,)) + rows


font = mono_face(sys.argv[1])
missing = draw(font, "\uffff", None)
missing = missing[3:] if missing else None
letters = {chr(code) for code in range(0x20, 0x7F)} | set(gb2312())
letters |= {letter for letter in (here / "more.txt").read_text("utf-8") if not letter.isspace()}
records = [draw(font, letter, missing) for letter in sorted(letters) if ord(letter) <= 0xFFFF]
(here / "noto24.bin").write_bytes(b"".join(record for record in records if record))
print(sum(record is not None for record in records), "letters,", sum(record is None for record in records), "not in the font")
