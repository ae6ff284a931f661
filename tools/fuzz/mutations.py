"""What becomes of a sound file: damage to its bytes, and lies in its fields."""

from __future__ import annotations

import random
import struct
import zlib
from collections.abc import Callable, Sequence

from tools.fuzz.anatomy import Anatomy, Part, mended, take_apart
from vqzip.container.build import varint
from vqzip.container.fields import KIND_ALPHA, KIND_CODES, KIND_EXIF, KIND_ICC, KIND_XMP, WORD_BYTES

LENGTHS = (0, 1, 2, 7, 8, 127, 128, 255, 256, 257, 1023, 1024, 1025, 65535, 65536, 1 << 20, 1 << 28)
"""Numbers at which something begins or ends."""

ByteMutation = Callable[[random.Random, bytes, bytes], bytes]
FieldMutation = Callable[[random.Random, Anatomy, Anatomy], None]


def mutated(rng: random.Random, seed: bytes, other: bytes, *, attacker: bool) -> bytes:
    """Return a file made from `seed`.

    Args:
        rng: decides everything.
        seed: a sound file.
        other: another one, to take parts from.
        attacker: whether fields are changed on purpose, and all checksums made to fit.
    """
    rounds = rng.choice((1, 1, 1, 2, 3))
    if not attacker:
        return _damaged(rng, seed, other, rounds)
    if rng.random() < 0.3:
        return mended(_damaged(rng, seed, other, rounds))
    anatomy, donor = take_apart(seed), take_apart(other)
    for _ in range(rounds):
        rng.choice(FIELD_MUTATIONS)(rng, anatomy, donor)
    data = anatomy.put_together()
    return mended(_damaged(rng, data, other, 1)) if rng.random() < 0.1 else data


def _damaged(rng: random.Random, data: bytes, other: bytes, rounds: int) -> bytes:
    for _ in range(rounds):
        data = rng.choice(BYTE_MUTATIONS)(rng, data, other)
    return data


# Damage, by chance


def flip_bits(rng: random.Random, data: bytes, _other: bytes) -> bytes:
    flipped = bytearray(data)
    for _ in range(rng.randint(1, 8) if data else 0):
        flipped[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    return bytes(flipped)


def set_bytes(rng: random.Random, data: bytes, _other: bytes) -> bytes:
    start, stop = _span(rng, data, 12)
    new = rng.choice((bytes(stop - start), b"\xff" * (stop - start), rng.randbytes(stop - start)))
    return data[:start] + new + data[stop:]


def cut_tail(rng: random.Random, data: bytes, _other: bytes) -> bytes:
    return data[: rng.randrange(len(data) + 1)]


def cut_out(rng: random.Random, data: bytes, _other: bytes) -> bytes:
    start, stop = _span(rng, data, 40)
    return data[:start] + data[stop:]


def insert(rng: random.Random, data: bytes, _other: bytes) -> bytes:
    place, count = rng.randrange(len(data) + 1), rng.choice((1, 2, 3, 4, 8, 64, 1000))
    new = rng.choice((bytes(count), b"\xff" * count, rng.randbytes(count)))
    return data[:place] + new + data[place:]


def repeat(rng: random.Random, data: bytes, _other: bytes) -> bytes:
    start, stop = _span(rng, data, 100)
    place = rng.randrange(len(data) + 1)
    return data[:place] + data[start:stop] * rng.choice((1, 2, 5)) + data[place:]


def splice(rng: random.Random, data: bytes, other: bytes) -> bytes:
    return data[: rng.randrange(len(data) + 1)] + other[rng.randrange(len(other) + 1) :]


def overwrite(rng: random.Random, data: bytes, other: bytes) -> bytes:
    start, stop = _span(rng, other, 60)
    place = rng.randrange(len(data) + 1)
    return data[:place] + other[start:stop] + data[place + stop - start :]


def _span(rng: random.Random, data: bytes, longest: int) -> tuple[int, int]:
    start = rng.randrange(len(data) + 1)
    return start, min(len(data), start + rng.randint(1, longest))


BYTE_MUTATIONS: Sequence[ByteMutation] = (
    *(flip_bits, flip_bits, set_bytes, cut_tail, cut_out),
    *(insert, repeat, splice, overwrite),
)

# Lies, on purpose


def change_size(rng: random.Random, file: Anatomy, _other: Anatomy) -> None:
    """State another size, now and then in too many bytes."""
    side = rng.choice((rng.randint(1, 100), rng.randint(1, 100), rng.choice(LENGTHS)))
    stated = varint(side)
    if rng.random() < 0.1:
        stated = rng.choice((stated[:-1] + bytes([stated[-1] | 0x80, 0]), b"\xff" * 4 + b"\x7f"))
    if rng.random() < 0.5:
        file.width = stated
    else:
        file.height = stated


def change_flags(rng: random.Random, file: Anatomy, _other: Anatomy) -> None:
    place, bit = rng.randrange(2), rng.randrange(8)
    file.fields[place] = rng.choice((file.fields[place] ^ 1 << bit, rng.randrange(256)))


def change_quality(rng: random.Random, file: Anatomy, _other: Anatomy) -> None:
    file.fields[0] = file.fields[0] & 0xC0 | rng.randrange(57)


def change_gray(_rng: random.Random, file: Anatomy, _other: Anatomy) -> None:
    file.fields[0] ^= 0x40


def change_tile(rng: random.Random, file: Anatomy, _other: Anatomy) -> None:
    file.fields[1] = file.fields[1] & 0x0F | rng.randrange(9) << 4


def change_front(rng: random.Random, file: Anatomy, _other: Anatomy) -> None:
    """Change magic, version, or the header's own length, as a rule one of the last two."""
    file.keeps_header_length = True
    file.front[rng.choice((rng.randrange(4), 4, 4, 5, 5))] = rng.randrange(256)


def lengthen_header(rng: random.Random, file: Anatomy, _other: Anatomy) -> None:
    file.more_header = rng.randbytes(rng.randint(1, 50))


def change_model(rng: random.Random, file: Anatomy, other: Anatomy) -> None:
    file.model_id = rng.choice((other.model_id, rng.randbytes(8)))


def take_payloads(_rng: random.Random, file: Anatomy, other: Anatomy) -> None:
    """Let another file's codes follow this header."""
    file.payloads = list(other.payloads)


def change_payload(rng: random.Random, file: Anatomy, other: Anatomy) -> None:
    """Put other words into a payload."""
    payload = _payload(rng, file)
    words = rng.choice((0, 1, 2, 3, 8, 50, 1000))
    whole = payload.data[: WORD_BYTES * words]
    payload.data = rng.choice(
        (
            rng.randbytes(WORD_BYTES * words),
            bytes(WORD_BYTES * words),
            b"\xff" * (WORD_BYTES * words),
            whole,
            whole + bytes(WORD_BYTES),
            payload.data + rng.randbytes(WORD_BYTES * words),
            rng.randbytes(WORD_BYTES * words) + payload.data,
            rng.choice(other.payloads).data if other.payloads else b"",
        )
    )


def flip_payload(rng: random.Random, file: Anatomy, _other: Anatomy) -> None:
    """Change some bits: as a rule, the codes go astray from there on."""
    payload = _payload(rng, file)
    payload.data = flip_bits(rng, payload.data, b"")


def misstate_payload(rng: random.Random, file: Anatomy, _other: Anatomy) -> None:
    """State a length that the payload has not."""
    stated = rng.choice((*LENGTHS, (1 << 28) + 1, (1 << 35) - 1))
    _payload(rng, file).length = rng.choice((varint(stated), b"\x80\x00", b"\xff" * 6))


def add_payload(rng: random.Random, file: Anatomy, _other: Anatomy) -> None:
    added = [Part(rng.randbytes(WORD_BYTES * rng.randrange(4))) for _ in range(rng.choice((1, 9)))]
    place = rng.randrange(len(file.payloads) + 1)
    file.payloads[place:place] = added


def drop_payload(rng: random.Random, file: Anatomy, _other: Anatomy) -> None:
    if file.payloads:
        del file.payloads[rng.randrange(len(file.payloads))]


def repeat_section(rng: random.Random, file: Anatomy, other: Anatomy) -> None:
    known = [*file.sections, *other.sections]
    if known:
        file.sections += [rng.choice(known)] * rng.choice((1, 1, 2, 70))


def shuffle_sections(rng: random.Random, file: Anatomy, _other: Anatomy) -> None:
    rng.shuffle(file.sections)


def drop_section(rng: random.Random, file: Anatomy, _other: Anatomy) -> None:
    if file.sections:
        del file.sections[rng.randrange(len(file.sections))]


def add_unknown(rng: random.Random, file: Anatomy, _other: Anatomy) -> None:
    """Add a section of a later version, or codes before the codes."""
    kind = rng.choice((0x00, 0x02, 0x7F, 0x80, 0xFF, KIND_CODES, rng.randrange(256)))
    file.sections.insert(0, Part(rng.randbytes(rng.randrange(30)), kind=kind))


def misstate_section(rng: random.Random, file: Anatomy, _other: Anatomy) -> None:
    stated = rng.choice((*LENGTHS, 1 << 30, (1 << 30) + 1, (1 << 35) - 1))
    if not file.sections or rng.random() < 0.2:
        file.codes = bytes([KIND_CODES]) + varint(stated)
    else:
        rng.choice(file.sections).length = rng.choice((varint(stated), b"\x80\x00", b"\xff" * 6))


def lie_in_alpha(rng: random.Random, file: Anatomy, _other: Anatomy) -> None:
    """Put an alpha section of another size, of nonsense, or a bomb into the file."""
    width, height = _number(file.width), _number(file.height)
    right = min(height * (width + 1), 1 << 16)
    rows = bytearray(rng.randbytes(right))
    rows[:: width + 1] = bytes(rng.randrange(5) for _ in rows[:: width + 1])
    samples = rng.choice((right, right, max(right - 1, 0), right + 1, 0, 1 << 22))
    packed = zlib.compress(bytes(rows) if samples == right else bytes(samples), rng.choice((0, 9)))
    data = rng.choice(
        (
            packed,
            packed,
            packed + rng.randbytes(rng.randint(1, 9)),
            packed[: rng.randrange(len(packed))],
            flip_bits(rng, packed, b""),
            rng.randbytes(rng.randrange(60)),
            zlib.compress(packed),
        )
    )
    _set_section(file, KIND_ALPHA, data)


def lie_in_icc(rng: random.Random, file: Anatomy, _other: Anatomy) -> None:
    """Put a profile into the file: one by its looks, or bytes."""
    space = rng.choice((b"RGB ", b"GRAY", b"CMYK"))
    tags = struct.pack(">I", rng.choice((0, 1, 1 << 31))) + rng.randbytes(rng.randrange(200))
    profile = bytes(16) + space + bytes(16) + b"acsp" + bytes(88) + tags
    _set_section(file, KIND_ICC, rng.choice((profile, b"", rng.randbytes(200), bytes(100_000))))


def lie_in_exif(rng: random.Random, file: Anatomy, _other: Anatomy) -> None:
    """Put EXIF into the file whose directory points anywhere, at itself for one."""
    order = rng.choice("<>")
    front = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(
        f"{order}I", rng.choice((8, 8, 8, 0, 4, 1 << 31, 0xFFFFFFFF))
    )
    entries = rng.choice((0, 1, 2, 5, 65535))
    directory = struct.pack(f"{order}H", entries)
    for _ in range(min(entries, 5)):
        tag = rng.choice((0x0112, 0x010E, 0x8769, 0x8825, 0xA005, 0x02BC, rng.randrange(65536)))
        kind, count = rng.randrange(16), rng.choice((0, 1, 2, 9, 1 << 16, 0xFFFFFFFF))
        place = rng.choice((0, 8, 26, 0xFFFFFFF0, rng.randrange(1 << 16)))
        directory += struct.pack(f"{order}HHII", tag, kind, count, place)
    directory += struct.pack(f"{order}I", rng.choice((0, 8, 0xFFFFFFFF)))
    exif = front + directory + rng.randbytes(rng.randrange(40))
    _set_section(file, KIND_EXIF, rng.choice((exif, exif, exif, b"", b"Exif\0\0", exif[:9])))


def lie_in_xmp(rng: random.Random, file: Anatomy, _other: Anatomy) -> None:
    """Put text into the file that is no XML, or no text."""
    packets = (b"", b"\0", b"\xff\xfe\xff", b"<x>" * 1000, b"a\0b\r\n\x1b[31m", b"\xed\xa0\x80")
    _set_section(file, KIND_XMP, rng.choice((*packets, rng.randbytes(60))))


def add_tail(rng: random.Random, file: Anatomy, _other: Anatomy) -> None:
    file.tail = rng.randbytes(rng.randint(1, 40))


def _payload(rng: random.Random, file: Anatomy) -> Part:
    """Return a payload that is the file's own: another file may share the present one."""
    if not file.payloads:
        file.payloads.append(Part(b""))
    place = rng.randrange(len(file.payloads))
    shared = file.payloads[place]
    file.payloads[place] = Part(shared.data, shared.length)
    return file.payloads[place]


def _set_section(file: Anatomy, kind: int, data: bytes) -> None:
    file.sections = [section for section in file.sections if section.kind != kind]
    file.sections.append(Part(data, kind=kind))


def _number(stated: bytes) -> int:
    return sum((byte & 0x7F) << 7 * place for place, byte in enumerate(stated))


FIELD_MUTATIONS: Sequence[FieldMutation] = (
    *(change_size, change_size, change_size, change_flags, change_quality, change_gray),
    *(change_tile, change_front, lengthen_header, change_model, take_payloads, change_payload),
    *(change_payload, change_payload, change_payload, misstate_payload),
    *(flip_payload, flip_payload, flip_payload, flip_payload, flip_payload, flip_payload),
    *(add_payload, drop_payload, repeat_section, shuffle_sections, drop_section, add_unknown),
    *(misstate_section, lie_in_alpha, lie_in_alpha, lie_in_icc, lie_in_exif, lie_in_exif),
    *(lie_in_xmp, add_tail),
)
